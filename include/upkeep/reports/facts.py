"""What a report says of its routine beside the findings: plain values, taken from the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from upkeep.catalog.models import Routine, System
    from upkeep.catalog.models.operations import Runbook


@dataclass(frozen=True)
class Link:
    """A link to something a reader may want to open."""

    title: str
    url: str
    purpose: str = ""


@dataclass(frozen=True)
class RunbookFacts:
    """What to do about a symptom, in the runbook's order."""

    title: str
    diagnosis: Sequence[str] = ()
    resolution: Sequence[str] = ()


@dataclass(frozen=True)
class ProcedureFacts:
    """A procedure that the routine performs; a report names it even if it left no finding."""

    task_id: str
    procedure_id: str
    title: str
    what: str


@dataclass(frozen=True)
class CatalogFacts:
    """What the catalog says of a routine. `timezone` is an IANA name; `runbooks` is by their names."""

    system_title: str
    routine_title: str
    owner: str
    timezone: str
    procedures: Sequence[ProcedureFacts]
    dashboards: Sequence[Link] = ()
    runbooks: Mapping[str, RunbookFacts] = field(default_factory=dict)
    when_it_fails: Sequence[str] = ()


def facts_of(system: System, routine_name: str) -> CatalogFacts:
    """Return the facts of one routine. Raises ConfigurationError if the system has none of that name."""
    routine = next((routine for routine in system.routines if routine.name == routine_name), None)
    if routine is None:
        known = ", ".join(routine.name for routine in system.routines)
        raise ConfigurationError(f"{system.title} has no routine {routine_name!r}; it has {known}")
    return CatalogFacts(
        system_title=system.title,
        routine_title=routine.title,
        owner=_owner(system, routine),
        timezone=routine.timezone or system.timezone,
        procedures=_procedures(system, routine),
        dashboards=[Link(board.title, board.url, board.purpose) for board in system.dashboards.values()],
        runbooks={name: _runbook(runbook) for name, runbook in system.runbooks.items()},
        when_it_fails=routine.when_it_fails,
    )


def _owner(system: System, routine: Routine) -> str:
    owner = system.owners[routine.owner]
    contact = owner.email or owner.slack_channel
    return f"{owner.title} ({contact})" if contact and not owner.placeholder else owner.title


def _procedures(system: System, routine: Routine) -> list[ProcedureFacts]:
    duties = {duty.id: duty.what for duty in system.duties}
    return [
        ProcedureFacts(use.task_id, use.id, title_of(use.task_id), duties.get(use.id, ""))
        for use in routine.procedures
    ]


def _runbook(runbook: Runbook) -> RunbookFacts:
    return RunbookFacts(runbook.title, tuple(runbook.diagnosis), tuple(runbook.resolution))


def procedure_of(task_id: str) -> str:
    """Return the procedure that a task belongs to: itself, or the group of its stage.

    >>> procedure_of("backup.make")
    'backup'
    """
    return task_id.partition(".")[0]


def title_of(task_id: str) -> str:
    """Return a task's id as a heading.

    >>> title_of("error_rates")
    'Error rates'
    """
    return task_id.replace("_", " ").capitalize()
