"""Which findings a sandbox that nobody has broken has besides those that are ok."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from sandbox.demo.runs import ENDED, Run
from upkeep.ledger.tables import FindingRow

SEEDED = Path(__file__).parents[1] / "seeded.yaml"
FAILING = "critical"
"""The state that fails a routine of the five systems."""


@dataclass(frozen=True, order=True)
class Expected:
    """A finding by its place."""

    dag_id: str
    task: str
    check: str
    state: str

    def __str__(self) -> str:
        return f"{self.dag_id}/{self.task} {self.check}: {self.state}"


def place(row: FindingRow) -> Expected:
    """Return where a finding of the ledger stands, and its state."""
    return Expected(row.dag_id, row.task_id, row.check_id, row.state)


def seeded(section: str) -> set[Expected]:
    """Return the seeded findings: `findings`, always there, or `sometimes`."""
    data: Mapping[str, Any] = YAML(typ="safe").load(SEEDED)
    return {
        Expected(f"{row['system']}_{row['routine']}", row["task"], row["check"], row["state"])
        for row in data.get(section) or ()
    }


def differences(findings: Sequence[FindingRow], runs: Iterable[Run], *, complete: bool) -> list[str]:
    """Return what is not as a healthy sandbox would have it, a line each.

    complete: every part of the sandbox is there. Where one is missing, unknown findings are expected,
    and a seeded finding may be unknown.
    """
    found = {place(row) for row in findings if row.state != "ok"}
    unknown = {item for item in found if item.state == "unknown"} if not complete else set()
    reasons = {place(row): row.reason or row.summary for row in findings}
    always = seeded("findings")
    lines = [f"{item} ({reasons[item]})" for item in sorted(found - always - seeded("sometimes") - unknown)]
    if complete:
        lines += [f"{item} is missing" for item in sorted(always - found)]
    failing = {item.dag_id for item in always | seeded("sometimes") if item.state == FAILING}
    for run in runs:
        if run.state not in ENDED:
            lines.append(f"{run.dag_id} has not ended: {run.state}")
        elif run.state == "failed" and run.dag_id not in failing:
            lines.append(f"{run.dag_id} failed")
    counted = {row.dag_id for row in findings}
    lines += [f"{run.dag_id} has no findings" for run in runs if run.dag_id not in counted]
    return lines
