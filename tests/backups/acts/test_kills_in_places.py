"""The same for volumes, for a repository of Git, and for a whole system of parts."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.backups.acts.conftest import Make
from tests.backups.acts.killer import Killer, children, killer
from tests.backups.acts.places import LIVE
from tests.backups.acts.test_kills import STAGES, recorded
from tests.backups.acts.worlds import POLICY, World
from tests.backups.dumps.dumped_shop import contents
from tests.backups.kubernetes import shop

from upkeep.backups.dumps.marks import databases
from upkeep.backups.model import Level
from upkeep.ledger.backups import known_backups

pytestmark = pytest.mark.integration

__all__ = ["children", "killer"]

SNAPSHOTS = "/apis/snapshot.storage.k8s.io/v1"


def verified(world: World, killer: Killer, level: Level) -> None:
    """The recovery is whole, and its backup proven that far."""
    row = recorded(world, world.recovery)
    assert None not in (row.restored_at, row.verified_at, row.cleaned_at)
    assert row.problems == []
    [known] = known_backups(world.run("backup").act.engine, "shop", POLICY)
    assert known.proven is level
    assert killer.kills.keys() == STAGES


def there(world: World, what: str) -> list[str]:
    """Return the names of the objects of a kind in the world's namespace."""
    api = world.run("backup").act.clients.kubernetes().api
    namespace = world.told["parts"]["workload"]["namespace"]
    return sorted(
        one["metadata"]["name"] for one in api.get(f"/api/v1/namespaces/{namespace}/{what}")["items"]
    )


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "dropped"])
def test_volumes(make: Make, killer: Killer, keep: bool) -> None:
    world = make("volumes")
    world.run("backup").until("prove")
    api = world.run("backup").act.clients.kubernetes().api
    namespace = world.told["parts"]["workload"]["namespace"]
    for name in ("data", "more"):
        path = f"{SNAPSHOTS}/namespaces/{namespace}/volumesnapshots/data-one-{name}"
        api.send("DELETE", path)
        shop.until(lambda path=path: shop.get(api, path) is None, "its end")  # type: ignore[misc]
    state = world.state()

    killer.through(world.told, "restore_volumes", {"policy": POLICY}, keep=keep)

    verified(world, killer, Level.RESTORED)
    new = ["data-restored-one", "more-restored-one"] if keep else []
    shop.until(lambda: there(world, "persistentvolumeclaims") == sorted(["data", "more", *new]), "the claims")
    shop.until(lambda: there(world, "pods") == [], "the pods' end")
    assert world.state() == state
    contents = api.get(f"{SNAPSHOTS}/volumesnapshotcontents")["items"]
    assert sum(one["spec"]["volumeSnapshotRef"]["namespace"] == namespace for one in contents) == 2
    assert killer.kills["restore"] > 10  # contents, snapshot, claim and pod of each


@pytest.mark.parametrize("into", ["folder", "new branch", "in place"])
def test_a_repository(make: Make, killer: Killer, into: str) -> None:
    world = make("bundles")
    remote, folder = Path(world.told["git"]), Path(world.told["folder"])
    world.run("backup").until("prove")
    before = world.state().strip()
    lost = git(remote, "commit-tree", "main^{tree}", "-m", "by mistake")
    git(remote, "update-ref", "refs/heads/main", lost)

    killer.through(world.told, "restore_bundle", {"policy": POLICY}, into=into, keep=True)

    verified(world, killer, Level.INVARIANTS)
    heads = {"main": lost}
    if into == "new branch":
        heads["restored-one"] = before
    elif into == "in place":
        heads = {"main": before, "main-before-one": lost}
    assert branches(remote) == heads
    made = [one for one in folder.iterdir() if not one.name.startswith(".")]
    assert [branches(one) for one in made] == ([{"main": before}] if into == "folder" else [])


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    return subprocess.run(
        ["git", "-C", str(folder), *who, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


def branches(folder: Path) -> dict[str, str]:
    """Return the branches of a repository, and the commit of each."""
    rows = git(folder, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads").splitlines()
    return dict(row.split() for row in rows)


@pytest.mark.parametrize("lost", [True, False], ids=["lost", "beside"])
def test_a_whole_system(make: Make, killer: Killer, lost: bool) -> None:
    world = make("whole")
    world.run("backup").until("prove")
    before, clients = world.state(), world.run("backup").act.clients
    api, live = clients.kubernetes().api, clients.database("postgres")
    namespace = world.told["parts"]["workload"]["namespace"]
    if lost:
        lose(api, namespace)
        with live.session() as session:
            session.run("DROP TABLE orders CASCADE")

    killer.through(world.told, "restore_parts", {"policy": POLICY}, in_place=lost, keep=lost)

    verified(world, killer, Level.INVARIANTS)
    assert contents(live) == before
    assert (there(world, "secrets"), there(world, "persistentvolumeclaims")) == (["login"], ["data"])
    those = databases(clients.database("restore"))
    names = [f"restored_database_one{end}" for end in ("", "_before")]
    assert not any(those.exists(name) for name in names[:1])
    folders = [one.name for one in clients.folder().iterdir() if not one.name.startswith(".")]
    assert folders == (["restored-repository-one.git"] if lost else [])
    kept = [name for name in (*names, f"{LIVE}_before") if those.exists(name)]
    assert len(kept) == (1 if lost else 0)
    for name in kept:
        those.drop(name)


def lose(api: Any, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}"
    api.send("DELETE", path)
    shop.until(lambda: shop.get(api, path) is None, "its end")
