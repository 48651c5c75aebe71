"""Databases brought back from a dump: beside what there is, verified, and then put in its place if asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from upkeep.acts.plans import Plan
from upkeep.backups.dumps.marks import databases, drop_restored
from upkeep.backups.dumps.restore import restore_dump, restore_plan
from upkeep.backups.dumps.room import room_note
from upkeep.backups.dumps.server import DatabaseServer
from upkeep.backups.dumps.swap import swap_in, swapped
from upkeep.backups.model import Copy, Proof
from upkeep.catalog.models.backups import BackupPolicy
from upkeep.errors import DamagedBackup, PermanentError
from upkeep.recoveries.asking import asked
from upkeep.recoveries.beside import Beside


@dataclass(frozen=True)
class DatabaseRecovery(Beside):
    """A dump restored into a new database.

    client: boto3's `s3`. server: where it is restored, with the rights to make databases. target: the new
    database's name. original: the database whose place it takes once it is verified, None to stay beside.
    keep: whether the new database stays; a drill's never does. identities: of age.
    """

    client: Any
    copy: Copy
    policy: BackupPolicy
    server: DatabaseServer
    target: str
    keep: bool
    original: str | None = None
    approvals: int = 1
    identities: Sequence[str] = field(default=(), repr=False)
    backup_id: UUID | None = None

    @property
    def subject(self) -> str:
        """What is recovered."""
        return self.policy.title

    @property
    def kept_as(self) -> str:
        """The name under which the original is kept when its place is taken."""
        return f"{self.target}_before"[:63]

    def plan(self, pinned: Plan | None = None) -> Plan:
        """Look whether it can be done; what an earlier attempt has made keeps the plan."""
        looked = restore_plan(self.client, self.copy, self._place)
        problems = [] if pinned is not None and self._is_ours() else looked["problems"]
        if problems:
            error = DamagedBackup if looked["damage"] else PermanentError
            raise error(f"nothing was touched: {'; '.join(problems)}")
        if pinned is not None and pinned.facts.get("backup") == self.copy.name:
            return pinned
        facts = {
            "backup": self.copy.name,
            "reference": self.copy.reference,
            "sha256": self.copy.sha256,
            "server": self._place.where,
            "original": self.original,
        }
        return Plan(
            title=f"Restore {self.policy.title}",
            target=self._place.where,
            steps=self._steps(),
            destructive=self.original is not None,
            approvals=self.approvals,
            facts=facts,
            notes=[
                room_note(looked["needed_bytes"], looked["room_bytes"]),
                f"the dump is of {self.copy.started_at:%c} UTC",
            ],
        )

    def restore(self, plan: Plan) -> None:  # noqa: ARG002 - the plan was made of the same
        """Stream the dump into the new database, unless it has taken the original's place already."""
        if self._swapped():
            return
        restore_dump(
            self.client,
            self.copy,
            self._place,
            identities=self.identities,
            keep_owners=self.original is not None,
        )

    def ready(self, plan: Plan) -> str | None:
        """Return at once: it is there when the call returns."""
        return f"{plan.target} is there"

    def verify(self, plan: Plan) -> Sequence[Proof]:  # noqa: ARG002 - the plan was made of the same
        """Ask what must hold: rows as at backup time, the catalog's assertions, foreign keys, its age."""
        rows = self.copy.facts.get("rows")
        return [asked(self._place, self.policy, self.copy.started_at, expected_rows=rows)]

    def in_use(self, plan: Plan) -> str | None:  # noqa: ARG002 - the databases say it
        """Return where it is, once it has taken the original's place: people write there."""
        return self._place.at(self.original).where if self.original and self._swapped() else None

    def resume(self, plan: Plan) -> str | None:  # noqa: ARG002 - the plan was made of the same
        """Let it take the original's place, if that was asked for."""
        if self.original is None:
            return None
        swap_in(self._place, self.original, self.kept_as)
        return f"{self.original} is what was restored; what it was before is kept as {self.kept_as}"

    def data_as_of(self, plan: Plan) -> datetime | None:  # noqa: ARG002 - the copy says it
        """Return the moment of the dump."""
        return self.copy.started_at

    def clean_up(self, plan: Plan) -> str:
        """Drop the new database, unless it is to stay or has taken the original's place."""
        if self.keep or self.original is not None:
            return f"{plan.target} stays, as was asked"
        gone = drop_restored(self._place, self.copy.reference)
        return f"{plan.target} was dropped" if gone else f"{plan.target} was not there"

    @property
    def _place(self) -> DatabaseServer:
        return self.server.at(self.target)

    def _is_ours(self) -> bool:
        mark = databases(self._place).mark(self.target)
        return (mark is not None and mark.copy == self.copy.reference) or self._swapped()

    def _swapped(self) -> bool:
        if self.original is None:
            return False
        mark = databases(self._place).mark(self.kept_as)
        ours = mark is not None and mark.copy == self.copy.reference
        return ours and swapped(self._place, self.original, self.kept_as)

    def _steps(self) -> list[str]:
        steps = [
            f"restore {self.copy.name} into the new database {self.target}",
            "verify its rows, assertions, foreign keys and age",
        ]
        if self.original is not None:
            return [
                *steps,
                f"end the connections to {self.original} and keep it as {self.kept_as}",
                f"give the name {self.original} to what was restored",
            ]
        return steps if self.keep else [*steps, f"drop {self.target} again"]
