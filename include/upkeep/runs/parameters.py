"""What a person may give to a run, and what is wrong with what was given."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from upkeep.errors import ConfigurationError

KNOWN = ("as_of", "procedures", "dry_run", "page")
"""The keys of a run's conf."""

DRY_RUN = ("auto", "yes", "no")


@dataclass(frozen=True)
class RunParameters:
    """A run's parameters, validated. An empty `procedures` means all."""

    as_of: datetime | None
    procedures: frozenset[str]
    dry_run: str
    page: bool = False

    def wants(self, task_id: str) -> bool:
        """Return whether the run includes this procedure."""
        return not self.procedures or task_id in self.procedures

    def is_dry(self, run_type: str) -> bool:
        """Return whether the run only says what it would change: `auto` is dry unless scheduled."""
        return self.dry_run == "yes" or (self.dry_run == "auto" and run_type != "scheduled")

    def pages(self, run_type: str) -> bool:
        """Return whether the run opens incidents: a scheduled one does, one by hand where it is asked to."""
        return run_type != "backfill" and (run_type == "scheduled" or self.page)


def refuse_unknown(conf: Mapping[str, Any] | None, fields: Sequence[str] = ()) -> None:
    """Raise ConfigurationError where a run's conf has a key that nothing reads.

    fields: those of the routine's own form.
    """
    known = (*KNOWN, *fields)
    unknown = sorted(set(conf or ()) - set(known))
    if unknown:
        raise ConfigurationError(
            f"the run's conf has unknown keys: {', '.join(unknown)}; known are {', '.join(known)}"
        )


def read(values: Mapping[str, Any], task_ids: Collection[str]) -> RunParameters:
    """Return the validated parameters. Raises ConfigurationError saying what would be right."""
    chosen = frozenset(values.get("procedures") or ())
    strange = sorted(chosen - set(task_ids))
    if strange:
        raise ConfigurationError(
            f"there is no procedure {', '.join(strange)} in this routine; "
            f"it has {', '.join(sorted(task_ids))}"
        )
    if chosen == frozenset(task_ids):
        chosen = frozenset()  # every one chosen by hand is the whole routine
    dry_run = values.get("dry_run") or "auto"
    if dry_run not in DRY_RUN:
        raise ConfigurationError(f"dry_run is {dry_run!r}; write one of {', '.join(DRY_RUN)}")
    page = values.get("page") or False
    if not isinstance(page, bool):
        raise ConfigurationError(f"page is {page!r}; write true or false")
    return RunParameters(_as_of(values.get("as_of")), chosen, dry_run, page)


def _as_of(value: str | None) -> datetime | None:
    if not value:
        return None
    try:
        as_of = datetime.fromisoformat(value)
    except (TypeError, ValueError) as e:
        raise ConfigurationError(f"as_of {value!r} is no time; write 2026-01-31T09:00:00+00:00") from e
    if as_of.tzinfo is None:
        raise ConfigurationError(f"as_of {value!r} has no time zone; write {value}+00:00 for UTC")
    return as_of
