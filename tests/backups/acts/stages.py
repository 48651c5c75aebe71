"""Run as a program: does stages in children of its own, which kill themselves at a wanted step.

It is told a line of JSON for each stage, and answers one. A step is what leaves a trace outside: each
statement that writes into the ledger, each commit, each call to AWS that changes something, and the stage's
end before anybody knows its result. It has one thread and forks, so that a child begins at once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import traceback
from dataclasses import replace
from typing import Any

from sqlalchemy import event
from tests.backups.acts.worlds import act_of, clients
from tests.servers.rds_stages import provider_of

import upkeep.acts.kinds  # imported before the first fork
import upkeep.operators.rds  # noqa: F401
from upkeep.acts.model import Act
from upkeep.checks.registry import kind

_taken = 0


def step(die_at: int | None) -> None:
    """Count a step, and die at the wanted one."""
    global _taken  # noqa: PLW0603
    _taken += 1
    if _taken == die_at:
        os.kill(os.getpid(), signal.SIGKILL)


def asked_of(act: Act) -> dict[str, Any]:
    """Return the clients of AWS, by service."""
    made: dict[str, Any] = act.clients._clients["aws"]  # type: ignore[attr-defined]
    return made


def do(asked: dict[str, Any]) -> dict[str, Any]:
    """Do one stage and return what it carries. `temporary`: where its temporary files go."""
    die_at = asked.get("die_at")
    if folder := asked.get("temporary"):
        tempfile.tempdir = os.environ["TMPDIR"] = folder
    act = act_of(asked["told"], asked["run"])

    def wrote(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            step(die_at)

    event.listen(act.engine, "after_cursor_execute", wrote)
    event.listen(act.engine, "commit", lambda _: step(die_at))

    def changes(model: Any, **_: Any) -> None:
        if not model.name.startswith(("Get", "Head", "List", "Describe")):
            step(die_at)

    for service, client in asked_of(act).items():
        client.meta.events.register(f"after-call.{service}", changes)
    spec = kind(asked["run"]["kind"])
    assert spec.act is not None
    stage = next(one for one in spec.act.stages if one.name == asked["stage"])
    assert stage.function is not None
    parameters = spec.parameters.model_validate(asked["parameters"])
    act = replace(act, provider=provider_of(stage, act, parameters))
    result = stage.function(act, parameters)
    step(die_at)
    states = [str(finding.state) for finding in result.findings]
    return {"carried": dict(result.carried), "ready": result.ready, "states": states, "said": result.said}


def main() -> None:
    """Answer each line."""
    for line in sys.stdin:
        asked = json.loads(line)
        clients(asked["told"])  # making them takes long, and a child finds them made
        reads, writes = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reads)
            os.dup2(2, 1)  # what is logged is no answer
            try:
                answer = do(asked)
            except Exception:
                answer = {"error": traceback.format_exc()}
            with os.fdopen(writes, "w") as out:
                json.dump(answer, out)
            os._exit(0)
        os.close(writes)
        with os.fdopen(reads) as said:
            text = said.read()
        _, status = os.waitpid(child, 0)
        print(text if os.waitstatus_to_exitcode(status) == 0 else '{"killed": true}', flush=True)


if __name__ == "__main__":
    main()
