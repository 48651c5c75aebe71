"""Routines: procedures of one system with one owner, one schedule, one deadline."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from upkeep.catalog.models.base import Cron, Entry, Name, ProcedureId, TimeZone

Cadence = Literal["daily", "weekly", "monthly", "quarterly", "backup", "recovery", "drill"]


class ProcedureUse(Entry):
    """One procedure of a routine: which duty it does, by which kind, with which parameters."""

    id: ProcedureId
    kind: Name
    """A kind of procedure; `upkeep catalog kinds` lists them with their parameters."""
    parameters: dict[str, Any] = {}
    also_serves: list[ProcedureId] = []
    """Other duties that the same task does, such as the limits it evaluates."""

    after: list[Name] = []
    """Tasks of the same routine that must have ended well before."""

    task: Name | None = None
    """The task's id, where the last part of `id` would say too little."""

    @property
    def task_id(self) -> str:
        """`task`, or the id's last part: `error-rates` → `error_rates`."""
        return self.task or self.id.rsplit("/", 1)[1].replace("-", "_")

    @property
    def serves(self) -> list[str]:
        """All duties that this use does."""
        return [self.id, *self.also_serves]


class Retry(Entry):
    """How a task tries again after a temporary error: exponential back-off with jitter."""

    retries: int = Field(default=2, ge=0)
    delay_seconds: float = Field(default=30, gt=0)
    longest_delay_seconds: float = Field(default=300, gt=0)


class Outcome(Entry):
    """Which states fail the task, after they are recorded."""

    fail_on: list[Literal["warning", "critical", "unknown"]] = ["critical"]


class Routine(Entry):
    """What becomes one DAG, `<system>_<name>`."""

    name: Name
    title: str
    purpose: str
    cadence: Cadence
    schedule: Cron | None = None
    """None runs only by hand: a backup on request, a recovery, a drill that nobody has planned yet."""
    timezone: TimeZone | None = None
    """By default the system's."""
    owner: Name
    deadline_minutes: float = Field(gt=0)
    """Counted from the run's due time."""
    timeout_minutes: float = Field(default=15, gt=0)
    """The longest that one task may run."""
    retry: Retry = Retry()
    outcome: Outcome = Outcome()
    when_it_fails: list[str] = []
    """What the reader at 03:00 should do, in order."""
    procedures: list[ProcedureUse] = Field(min_length=1)
