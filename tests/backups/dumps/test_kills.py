"""The worker is killed at each step; a rerun ends right, and nothing is left over."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from dumped_shop import contents, dump, everything

from upkeep.backups.dumps.marks import databases
from upkeep.backups.dumps.restore import restore_dump
from upkeep.backups.dumps.swap import swap_in

pytestmark = pytest.mark.integration
KILLED = Path(__file__).with_name("killed.py")


def act(what, server, cloud, die_at=None):
    """Run it in a process of its own; return the steps it took, None if it was killed."""
    told = {"act": what, "server": asdict(server), "url": cloud.url, "die_at": die_at}
    done = subprocess.run(
        [sys.executable, str(KILLED)],
        input=json.dumps(told) + "\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode == -signal.SIGKILL:
        return None
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def chosen(steps, most):
    """Return the numbers of steps that differ in kind, at most so many of each kind."""
    seen: dict[str, int] = {}
    numbers = []
    for number, name in enumerate(steps, 1):
        seen[name] = seen.get(name, 0) + 1
        if seen[name] <= most:
            numbers.append(number)
    return numbers


def test_a_dump_killed_at_each_step(server, s3, cloud, monkeypatch, tmp_path):
    steps = act("make", server, cloud)
    assert "after-call CompleteMultipartUpload" in steps
    assert "in the stream" in steps
    suffix = {"mysql": ".sql.zst", "postgres": ".dump"}[server.engine]
    method = dump(server, s3)
    method.delete(list(method.copies()))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for die_at in chosen(steps, most=1):
        assert act("make", server, cloud, die_at) is None, steps[die_at - 1]
        method.make("nightly-1")
        assert everything(s3) == {
            "versions": [f"shop/nightly-1{suffix}", f"shop/nightly-1{suffix}.manifest.json"],
            "marks": [],
            "uploads": [],
        }, steps[die_at - 1]
        (copy,) = method.copies()
        assert all(proof.holds for proof in method.check(copy)), steps[die_at - 1]
        method.delete([copy])
    assert everything(s3) == {"versions": [], "marks": [], "uploads": []}
    assert list(tmp_path.iterdir()) == []


def test_a_restore_killed_at_each_step(server, s3, cloud, beside):
    copy = dump(server, s3).make("nightly-1")
    right = contents(server)
    steps = act("restore", server, cloud)
    assert steps.count("in the stream") == 2
    for die_at in [number for number, name in enumerate(steps, 1) if "call" not in name]:
        databases(server).drop(beside.database)
        assert act("restore", server, cloud, die_at) is None, steps[die_at - 1]
        restore_dump(s3, copy, beside)
        assert contents(beside) == right, steps[die_at - 1]
        mark = databases(server).mark(beside.database)
        assert mark is not None
        assert mark.state == "restored"
    assert contents(server) == right


def test_a_swap_killed_at_each_step(server, s3, cloud, beside):
    those = databases(server)
    copy = dump(server, s3).make("nightly-1")
    names = ("shop_live", "shop_old", beside.database)

    def prepare():
        for name in names:
            those.drop(name)
        restore_dump(s3, copy, beside)
        if server.engine == "mysql":
            with beside.session() as session:
                for what in ("TRIGGER upper_name", "PROCEDURE nothing", "VIEW customer_names"):
                    session.run(f"DROP {what}")
        those.create("shop_live", {})
        with server.at("shop_live").session() as session:
            session.run("CREATE TABLE things (a INT PRIMARY KEY)")

    prepare()
    steps = act("swap", server, cloud)
    for die_at in [number for number, name in enumerate(steps, 1) if "call" not in name]:
        prepare()
        assert act("swap", server, cloud, die_at) is None, steps[die_at - 1]
        assert not those.is_empty("shop_live"), steps[die_at - 1]
        swap_in(beside, "shop_live", "shop_old")
        assert contents(server.at("shop_live")) == contents(server), steps[die_at - 1]
        with server.at("shop_old").session() as session:
            assert session.value("SELECT count(*) FROM things") == 0
    for name in names:
        those.drop(name)


@pytest.fixture(autouse=True)
def _whole_shop(server):
    """The source is the same after all that."""
    yield
    with server.session() as session:
        assert session.value("SELECT count(*) FROM pictures") == 6
