"""Run as a program: does stages in children of its own, which kill themselves at a wanted step.

It is told a line of JSON for each stage, and answers one. It has one thread and forks, so that a child
begins at once. The last step is the stage's end, before anybody knows its result.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TextIO

from tests.backups.acts.steps import Steps
from tests.backups.acts.worlds import act_of, clients, engine
from tests.servers.rds_stages import provider_of

import upkeep.acts.kinds
import upkeep.checks.kinds  # imported before the first fork
import upkeep.operators.rds  # noqa: F401
from upkeep.checks.registry import kind


def do(asked: dict[str, Any], tell: Callable[[str], object]) -> dict[str, Any]:
    """Do one stage and return what it carries. `temporary`: where its temporary files go.

    spared: at which steps it does not die. tell: takes the name of the one at which it does.
    """
    if folder := asked.get("temporary"):
        tempfile.tempdir = os.environ["TMPDIR"] = folder
    act = act_of(asked["told"], asked["run"])
    steps = Steps(asked.get("spared"), tell)
    steps.of_the_ledger(act.engine)
    steps.of_aws(act.clients._clients["aws"])  # type: ignore[attr-defined]
    steps.of_the_rest()
    if "password_file" not in asked["told"]:  # restic is killed at work in the tests of files: it is slow
        steps.of_programs()
    spec = kind(asked["run"]["kind"])
    assert spec.act is not None
    stage = next(one for one in spec.act.stages if one.name == asked["stage"])
    assert stage.function is not None
    parameters = spec.parameters.model_validate(asked["parameters"])
    act = replace(act, provider=provider_of(stage, act, parameters))
    result = stage.function(act, parameters)
    steps.step("end")
    states = [str(finding.state) for finding in result.findings]
    return {"carried": dict(result.carried), "ready": result.ready, "states": states, "said": result.said}


def answered(asked: dict[str, Any], out: TextIO) -> dict[str, Any]:
    """Return what a stage says, or its error."""

    def tell(step: str) -> None:
        out.write(step)
        out.flush()

    try:
        return do(asked, tell)
    except Exception:
        return {"error": traceback.format_exc()}


def main() -> None:
    """Answer each line."""
    for line in sys.stdin:
        asked = json.loads(line)
        clients(asked["told"])  # these take long, and a child finds them made, and what they import
        engine(asked["told"]["ledger"])
        reads, writes = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reads)
            os.dup2(2, 1)  # what is logged is no answer
            with os.fdopen(writes, "w") as out:
                json.dump(answered(asked, out), out)
                out.flush()
            os._exit(0)
        os.close(writes)
        with os.fdopen(reads) as said:
            text = said.read()
        _, status = os.waitpid(child, 0)
        print(text if os.waitstatus_to_exitcode(status) == 0 else json.dumps({"killed": text}), flush=True)


if __name__ == "__main__":
    main()
