"""How far back a policy reaches: what the kinds that restore to a moment ask of each way to do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from upkeep.acts.model import Act
from upkeep.checks.registry import Parameters
from upkeep.recoveries.model import Recovery


class MomentParameters(Parameters):
    """Which database is restored to a moment."""

    policy: str
    """A backup policy whose location is `rds_snapshot` or `pgbackrest`, or whose source is `binlog`."""
    target: str = ""
    """What is made, by default: RDS's new instance, or pgBackRest's new folder, else named after the run."""


@dataclass(frozen=True)
class Reach:
    """How one policy is brought to a moment. newest: the last that can be reached. choices: for people."""

    newest: Callable[[], datetime]
    choices: Callable[[], Sequence[str]]
    recovery: Callable[[datetime], Recovery]


def planned_moment(act: Act) -> datetime | None:
    """Return the moment of this run's plan, for what can be reached goes on meanwhile; None without one."""
    found = act.carried.get("plan", {}).get("facts", {}).get("data_as_of")
    return datetime.fromisoformat(str(found)) if found else None
