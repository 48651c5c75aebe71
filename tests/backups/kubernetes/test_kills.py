"""A worker that is killed at each step; the next attempt ends right, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.backups.kubernetes import shop
from tests.backups.kubernetes.conftest import BUCKET, World

from upkeep.backups.kubernetes.snapshots import VolumeSnapshots
from upkeep.backups.kubernetes.verify import verify
from upkeep.backups.kubernetes.wanted import Target

ROOT = Path(__file__).parents[3]
Act = Callable[..., int | None]


@pytest.fixture
def act(world: World, tmp_path: Path) -> Act:
    """Do something in a child that is killed at a step; return the number of steps, None if it was killed."""

    def run(what: str, namespace: str, kill_at: int = 10_000, **more: str) -> int | None:
        told = {"act": what, "namespace": namespace, "kill_at": kill_at, "s3": world.s3_url, **more}
        told |= {"url": world.cluster.url, "token": world.cluster.token}
        told |= {"recipient": world.keys.recipient, "identity": world.keys.identity}
        done = subprocess.run(
            [sys.executable, "-m", "tests.backups.kubernetes.child"],
            input=json.dumps(told),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'include'}", "TMPDIR": str(tmp_path)},
        )
        if done.returncode == -signal.SIGKILL:
            return None
        assert done.returncode == 0, done.stderr[-2000:]
        return int(done.stdout.split()[-1])

    return run


def every(steps: int, at_most: int) -> list[int]:
    """Return up to `at_most` steps, evenly over all, the first and the last among them."""
    if steps <= at_most:
        return list(range(steps))
    return sorted({round(number * (steps - 1) / (at_most - 1)) for number in range(at_most)})


def leftovers(world: World) -> list[str]:
    """Uploads that have not ended."""
    found = world.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads") or []
    return [row["Key"] for row in found]


def test_an_export(world: World, ns: str, act: Act) -> None:
    export = world.export(ns)
    steps = act("export", ns)
    assert steps is not None
    export.delete(list(export.copies()))
    for step in range(steps):
        assert act("export", ns, step) is None
        assert export.find("killed") is None
        assert all(copy.problems for copy in export.copies())
        assert act("export", ns) == steps
        (copy,) = export.copies()
        assert all(proof.holds for proof in export.check(copy))
        assert leftovers(world) == []
        export.delete([copy])


def test_a_recovery(world: World, ns: str, act: Act) -> None:
    archive = world.read(world.export(ns).make("one"))
    path = f"/api/v1/namespaces/{ns}"

    def drop() -> None:
        world.api.send("DELETE", path)
        shop.until(lambda: shop.get(world.api, path) is None, "the end")

    drop()
    steps = act("recreate", ns)
    assert steps is not None
    for step in every(steps, 5):
        drop()
        assert act("recreate", ns, step) is None
        assert act("recreate", ns) is not None
        proof = verify(archive, world.api, Target(ns), 30)
        assert proof.holds, (step, proof.problems)


def test_a_drill(world: World, ns: str, act: Act) -> None:
    archive = world.read(world.export(ns).make("one"))
    steps = act("drill", ns)
    assert steps is not None
    original = world.api.get(f"/api/v1/namespaces/{ns}")["metadata"]["uid"]
    for step in every(steps, 5):
        assert act("drill", ns, step) is None
        assert act("drill", ns) is not None
        assert shop.get(world.api, f"/api/v1/namespaces/{ns}-drill") is None
        assert world.api.get(f"/api/v1/namespaces/{ns}")["metadata"]["uid"] == original
    assert verify(archive, world.api, Target(ns), 10).holds


def test_volume_snapshots(world: World, ns: str, act: Act) -> None:
    shop.create(world.api, ns, shop.claim("more"))
    path = f"/api/v1/namespaces/{ns}/persistentvolumeclaims/more"
    shop.until(lambda: world.api.get(path)["status"].get("phase") == "Bound", "the claim")
    method = VolumeSnapshots(world.api, ns, "volumes")
    steps = act("snapshots", ns)
    assert steps == 4
    method.delete(list(method.copies()))
    for step in range(steps):
        assert act("snapshots", ns, step) is None
        assert method.find("killed") is None
        assert act("snapshots", ns) is not None
        (copy,) = method.copies()
        assert (copy.problems, sorted(copy.facts["claims"])) == ((), ["data", "more"])
        method.delete([copy])
        shop.until(lambda: list(method.copies()) == [], "the snapshots' end")


def test_a_recovery_of_volumes(world: World, ns: str, act: Act) -> None:
    method = VolumeSnapshots(world.api, ns, "volumes")
    snapshot = method.make("one").facts["claims"]["data"]["snapshot"]
    group, core = "/apis/snapshot.storage.k8s.io/v1", f"/api/v1/namespaces/{ns}"
    path = f"{group}/namespaces/{ns}/volumesnapshots/{snapshot}"
    world.api.send("DELETE", path)
    shop.until(lambda: shop.get(world.api, path) is None, "its end")

    def there() -> tuple[list[str], list[str], list[str]]:
        lists = (f"{core}/persistentvolumeclaims", f"{core}/pods", f"{group}/volumesnapshotcontents")
        names = [[one["metadata"]["name"] for one in world.api.get(path)["items"]] for path in lists]
        return names[0], [one for one in names[1] if "restored" in one], [n for n in names[2] if ns in n]

    steps = act("volumes", ns)
    assert steps == 8  # contents, snapshot, claim and pod: made and removed
    for step in range(steps):
        assert act("volumes", ns, step) is None
        assert act("volumes", ns) is not None
        shop.until(lambda: there() == (["data"], [], []), f"what was made is gone after step {step}")
        assert [copy.name for copy in method.copies()] == ["one"]


def test_an_export_to_git(world: World, ns: str, act: Act, tmp_path: Path) -> None:
    def remote(name: str) -> str:
        made = tmp_path / name
        subprocess.run(["git", "init", "--quiet", "--bare", str(made)], check=True)
        return str(made)

    steps = act("git", ns, remote=remote("first"))
    assert steps is not None
    for step in every(steps, 6):
        where = remote(f"at-{step}")
        assert act("git", ns, step, remote=where) is None
        assert act("git", ns, remote=where) is not None
        log = subprocess.run(
            ["git", "-C", where, "log", "--format=%s", "main"], capture_output=True, text=True, check=True
        )
        assert log.stdout.splitlines() == [f"Configuration of {ns}: killed"], step
        assert list(tmp_path.glob("upkeep-git-*")) == []
