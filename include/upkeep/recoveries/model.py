"""What every way of bringing something back has in common."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable
from uuid import UUID

from upkeep.acts.plans import Plan
from upkeep.backups.model import Proof


class Recovery(Protocol):
    """A way to bring one thing back, for one run.

    Every act may be repeated after a kill: names follow from the run, and what is there is taken as it is.
    """

    @property
    def subject(self) -> str:
        """What is recovered, the same in every run of its kind: `database`, `namespace tapio-system`."""

    @property
    def backup_id(self) -> UUID | None:
        """The ledger's id of the backup that is restored, if there is one."""

    def plan(self, pinned: Plan | None = None) -> Plan:
        """Return what would be done; the pre-flight. Reads only.

        pinned: the plan of an earlier stage, whose choices (which backup) are kept. Raises PermanentError
        or ConfigurationError with the reason where it must not be done.
        """

    def restore(self, plan: Plan) -> None:
        """Do it, or begin it."""

    def ready(self, plan: Plan) -> str | None:
        """Return a sentence once what was begun is there; None while it is not."""

    def verify(self, plan: Plan) -> Sequence[Proof]:
        """Examine what was restored."""

    def resume(self, plan: Plan) -> str | None:
        """Put what was verified into use, where the plan says so; return what was done, None for nothing."""

    def data_as_of(self, plan: Plan) -> datetime | None:
        """Return the moment that the restored data speaks of, None where there is no data."""

    def clean_up(self, plan: Plan) -> str:
        """Take away what this run made for itself alone; return what was done."""


@runtime_checkable
class Unseeing(Protocol):
    """A recovery that cannot always look into what it has restored."""

    @property
    def unexamined(self) -> str | None:
        """Why the restored data is not examined; None where it is."""


@runtime_checkable
class PutIntoUse(Protocol):
    """A recovery whose `resume` puts into use what was verified."""

    def in_use(self, plan: Plan) -> str | None:
        """Return where what was restored is in use; None before. What people change there is no proof."""


@runtime_checkable
class LivesOn(Protocol):
    """A recovery of what others change as soon as it is there, long before `resume`."""

    @property
    def lives_on(self) -> bool:
        """Whether what was restored is in other hands at once."""


class Drill(Recovery, Protocol):
    """A recovery that can be rehearsed: it makes its own target, and the loss."""

    def prepare(self, plan: Plan) -> str:
        """Make the drill target as production is."""

    def lose(self, plan: Plan) -> str:
        """Make the loss on the drill target."""
