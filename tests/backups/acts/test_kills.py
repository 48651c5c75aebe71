"""The worker is killed at every step of every stage, and the stage is done again: the end is right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.acts.runs import approve
from tests.backups.acts.conftest import METHODS, Make
from tests.backups.acts.worlds import POLICY, World, act_of, engine

from upkeep.acts.model import Does
from upkeep.acts.plans import plan_from
from upkeep.backups.dumps.marks import databases
from upkeep.backups.methods import making
from upkeep.backups.model import Level
from upkeep.checks.registry import kind
from upkeep.ledger.backups import known_backups
from upkeep.ledger.recoveries import RecoveryKey, recovery

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
STAGES = {"plan", "restore", "ready", "verify", "resume", "measure", "clean_up"}


@dataclass
class Killer:
    """A child that does stages, and dies where it is told to. kills: how often it has died, by stage."""

    process: subprocess.Popen[str]
    kills: dict[str, int] = field(default_factory=dict)

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Have a stage done; return its answer, which may be that it was killed, or its error."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def through(self, told: dict[str, Any], name: str, given: dict[str, Any], **form: Any) -> dict[str, Any]:
        """Do all stages of a run, each killed at its first step, then at its second, and so on.

        Return what the stages carried.
        """
        began_at, carried = datetime.now(UTC).isoformat(), dict[str, Any]()
        run = {"kind": name, "label": "one", "form": form, "carried": carried, "began_at": began_at}
        spec = kind(name)
        assert spec.act is not None
        for stage in spec.act.stages:
            if stage.does is Does.APPROVE:
                if carried["plan"]["destructive"]:
                    approve(act_of(told, run), plan_from(carried["plan"]), "ada", "grace")
            else:
                carried[stage.name] = self._stage(told, run, stage.name, given)["carried"]
        return carried

    def _stage(self, told: dict[str, Any], run: dict[str, Any], name: str, given: Any) -> dict[str, Any]:
        for number in count(1):
            question = {"told": told, "run": run, "stage": name, "parameters": given, "die_at": number}
            answer = self.ask(question)
            assert "error" not in answer, answer["error"]
            if not answer.get("killed"):
                break
            self.kills[name] = number
        assert answer["ready"], answer
        assert "critical" not in answer["states"], answer["said"]
        return answer


@pytest.fixture(scope="session")
def children() -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'include'}"}
    command = [sys.executable, str(Path(__file__).with_name("stages.py"))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield process
        process.terminate()


@pytest.fixture
def killer(children: subprocess.Popen[str]) -> Killer:
    return Killer(children)


def there(world: World) -> list[Any]:
    """Return the copies that are there, unfinished ones too."""
    act = world.run("backup").act
    return list(making("shop", act.system, act.clients, POLICY).method.copies())


def recorded(world: World, name: str) -> Any:
    """Return the row of a recovery."""
    return recovery(engine(world.told["ledger"]), RecoveryKey(f"shop_{name}", "one", name))


@pytest.mark.parametrize("method", METHODS)
def test_a_backup(make: Make, killer: Killer, method: str) -> None:
    world = make(method)
    state = world.state()
    killer.through(world.told, "backup", {"policy": POLICY})
    [copy] = there(world)
    assert (copy.name, list(copy.problems)) == ("data-one", [])
    assert world.left_over() == []
    [known] = known_backups(engine(world.told["ledger"]), "shop", POLICY)
    assert known.proven is Level.CHECKSUMS
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
    assert killer.kills.keys() == STAGES | ({"prepare", "lose"} if drill else set())


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
