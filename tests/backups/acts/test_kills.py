"""The worker is killed at every step of every stage, and the stage is done again: the end is right."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from tests.backups.acts.conftest import BACKED_UP, Make
from tests.backups.acts.killer import Killer, children, killer
from tests.backups.acts.worlds import POLICY, World, engine

from upkeep.backups.dumps.marks import databases
from upkeep.backups.methods import making, provable
from upkeep.backups.model import Level
from upkeep.ledger.backups import known_backups
from upkeep.ledger.recoveries import RecoveryKey, recovery

pytestmark = pytest.mark.integration

__all__ = ["children", "killer"]

STAGES = {"plan", "restore", "ready", "verify", "resume", "measure", "clean_up"}
DRILL = {"prepare", "lose"}


def there(world: World) -> list[Any]:
    """Return the copies that are there, unfinished ones too."""
    act = world.run("backup").act
    return list(making("shop", act.system, act.clients, POLICY).method.copies())


def recorded(world: World, name: str) -> Any:
    """Return the row of a recovery."""
    return recovery(engine(world.told["ledger"]), RecoveryKey(f"shop_{name}", "one", name))


@pytest.mark.parametrize("method", BACKED_UP)
def test_a_backup(make: Make, killer: Killer, method: str) -> None:
    world = make(method)
    state = world.state()
    killer.through(world.told, "backup", {"policy": POLICY})
    [copy] = there(world)
    assert (copy.name, list(copy.problems)) == ("data-one", [])
    assert world.left_over() == []
    if method == "binlog":  # each archived file is one of the copy's
        files = [key.rpartition("/")[2] for key in world.stored() if "/files/" in key]
        assert sorted(copy.facts["files"]) == sorted(files)
    if method == "exported":
        log = ["git", "-C", world.told["git"], "log", "--format=%s", "main"]
        assert subprocess.check_output(log, text=True).endswith(": data-one\n")
        assert len(subprocess.check_output(log).splitlines()) == 1
    [known] = known_backups(engine(world.told["ledger"]), "shop", POLICY)
    assert known.proven is provable(world.run("backup").act.system.backups[POLICY])
    assert world.state() == state
    assert killer.kills.keys() == {"plan", "make", "ready", "prove", "expire"}


@pytest.mark.parametrize("method", ["files", "mysql", "namespace", "postgres"])
@pytest.mark.parametrize("drill", [False, True], ids=["real", "drill"])
def test_a_recovery(make: Make, killer: Killer, method: str, drill: bool) -> None:
    world = make(method)
    world.run("backup").until("prove")
    state, name = world.state(), world.drill if drill else world.recovery
    form = {} if drill else {"keep": True, "target": "restored", "namespace": "shop-restored"}

    killer.through(world.told, name, {"policy": POLICY} | world.parameters, **form)

    row = recorded(world, name)
    assert None not in (row.restored_at, row.verified_at, row.cleaned_at)
    assert row.problems == []
    [known] = known_backups(engine(world.told["ledger"]), "shop", POLICY)
    assert known.proven is Level.INVARIANTS
    assert world.state() == state
    assert len(left(world)) == (0 if drill else 1)
    assert killer.kills.keys() == STAGES | (DRILL if drill else set())


def left(world: World) -> list[str]:
    """Return what a recovery has made and left."""
    clients = world.run("backup").act.clients
    if "database" in world.told:
        those = databases(clients.database("restore"))
        return [name for name in ("restored", "restored_one") if those.exists(name)]
    if "folder" in world.told:
        return [path.name for path in clients.folder().iterdir() if path.name.startswith("restored")]
    spaces = clients.kubernetes().api.get("/api/v1/namespaces")["items"]
    return [one["metadata"]["name"] for one in spaces if one["metadata"]["name"].startswith("shop-")]
