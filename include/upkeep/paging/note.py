"""The note to whoever started a run by hand: how it ended. It pages nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from upkeep.findings import State
from upkeep.incidents.model import NAMESPACE, Channel, Person

if TYPE_CHECKING:
    from upkeep.catalog.models import System


@dataclass(frozen=True, kw_only=True)
class Note:
    """How one run by hand ended, to one person through the first channel that takes it.

    id: the same for the same attempt of the same run. starter: the user's name in Airflow.
    failed: the tasks that failed. counts: findings by state, None where there is no report.
    links: report, run.
    """

    id: UUID
    person: Person
    channels: tuple[Channel, ...]
    system: str
    system_title: str
    routine_title: str
    run_id: str
    starter: str
    paging: bool
    failed: tuple[str, ...]
    counts: Mapping[str, int] | None
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        """How it ended, in a word."""
        return "failed" if self.failed else "succeeded"

    @property
    def found(self) -> str:
        """The findings by state, the worst first.

        >>> Note(**dict.fromkeys(Note.__dataclass_fields__) | {"counts": {"ok": 3, "critical": 1}}).found
        '1 critical, 3 ok'
        """
        if self.counts is None:
            return "not known: no report could be written"
        worst_first = sorted(State, key=lambda state: -state.rank)
        counted = [f"{self.counts[state]} {state}" for state in worst_first if self.counts.get(state)]
        return ", ".join(counted) or "none"


def note_of(  # noqa: PLR0913 - what a note says
    dag_id: str,
    run_id: str,
    attempt: int,
    *,
    system_id: str,
    system: System,
    routine: str,
    starter: str,
    paging: bool,
    failed: Sequence[str],
    counts: Mapping[str, int] | None,
    links: Mapping[str, str],
) -> Note:
    """Return the note about a run. attempt: how often the run was cleared: each time it ends anew.

    paging: whether the run was asked to page as a scheduled one does.
    """
    title = next((r.title for r in system.routines if r.name == routine), routine)
    return Note(
        id=uuid5(NAMESPACE, f"starter/{dag_id}/{run_id}/{attempt}"),
        person=person_of(starter, system),
        channels=("email", "slack"),
        system=system_id,
        system_title=system.title,
        routine_title=title,
        run_id=run_id,
        starter=starter,
        paging=paging,
        failed=tuple(failed),
        counts=counts,
        links=links,
    )


def person_of(user: str, system: System) -> Person:
    """Return how to reach a user of Airflow.

    It is the owner of the catalog with that key or address; else the address that the name is; else the
    system's own channels, where the note says whom it is for.
    """
    ours, wanted = system.channels, user.casefold()
    for name, owner in system.owners.items():
        if wanted in (name.casefold(), (owner.email or "").casefold()):
            # The system's address only where the owner has nothing at all: mail is tried first.
            email = owner.email or (None if owner.slack_channel else ours.email)
            return Person(name, owner.title, email, owner.slack_channel or ours.slack_channel)
    return Person(user, user, user if "@" in user else ours.email, ours.slack_channel)
