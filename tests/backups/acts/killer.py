"""What does the stages of a run in a child that kills itself at each step in turn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.acts.runs import approve
from tests.backups.acts.worlds import act_of

from upkeep.acts.model import Does
from upkeep.acts.plans import plan_from
from upkeep.checks.registry import kind

ROOT = Path(__file__).parents[3]
WAIT_SECONDS = 120
MOST_STEPS = 300


@dataclass
class Killer:
    """A child that does stages, and dies at each step once. kills: how often it has died, by stage."""

    process: subprocess.Popen[str]
    temporary: Path
    kills: dict[str, int] = field(default_factory=dict)

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Have a stage done; return its answer, which may be that it was killed, or its error."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def through(
        self,
        told: dict[str, Any],
        name: str,
        given: dict[str, Any],
        *,
        leave_out: Collection[str] = (),
        pace_seconds: float = 0,
        **form: Any,
    ) -> dict[str, Any]:
        """Do all stages of a run, each killed at every step that it takes, one after the other.

        Return what the stages carried. leave_out: stages that are not done, as where a run breaks off.
        pace_seconds: by how much the run's clock goes on whenever a stage that waits was asked in vain.
        """
        began_at, carried = datetime.now(UTC).isoformat(), dict[str, Any]()
        run = {
            "kind": name,
            "label": "one",
            "form": form,
            "carried": carried,
            "began_at": began_at,
            "ahead": 0,
        }
        self.kills.clear()
        spec = kind(name)
        assert spec.act is not None
        for stage in spec.act.stages:
            if stage.does is Does.APPROVE:
                if carried["plan"]["destructive"]:
                    approve(act_of(told, run), plan_from(carried["plan"]), "ada", "grace")
            elif stage.name not in leave_out:
                question = {"told": told, "run": run, "stage": stage.name, "parameters": given}
                carried[stage.name] = self._stage(question, pace_seconds)["carried"]
        assert list(self.temporary.iterdir()) == []
        return carried

    def _stage(self, question: dict[str, Any], pace_seconds: float) -> dict[str, Any]:
        name, spared, until = question["stage"], list[str](), time.monotonic() + WAIT_SECONDS
        while True:
            answer = self.ask({**question, "spared": spared, "temporary": str(self.temporary)})
            assert "error" not in answer, f"{name}, killed at {spared[-1:]}: {answer['error']}"
            if "killed" in answer:
                spared.append(answer["killed"])
                assert len(spared) < MOST_STEPS, spared[-10:]
            elif answer["ready"]:
                break
            else:
                assert time.monotonic() < until, answer["said"]
                question["run"]["ahead"] += pace_seconds
                time.sleep(0 if pace_seconds else 0.05)
        self.kills[name] = len(spared)
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
def killer(children: subprocess.Popen[str]) -> Iterator[Killer]:
    # Not below pytest's own folder, which the account of PostgreSQL cannot reach.
    with tempfile.TemporaryDirectory(prefix="upkeep-test-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o1777)
        yield Killer(children, Path(folder))
