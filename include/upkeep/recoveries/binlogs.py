"""A MariaDB or MySQL brought back to a moment: a dump on a server of its own, then archived binary logs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from upkeep.acts.plans import Plan
from upkeep.backups.dumps.marks import drop_restored
from upkeep.backups.dumps.restore import restore_dump, restore_plan
from upkeep.backups.dumps.room import room_note
from upkeep.backups.dumps.server import DatabaseServer
from upkeep.backups.model import Copy, Proof
from upkeep.backups.physical.binlog_backups import BinlogBackups
from upkeep.backups.physical.binlog_marks import MARK, claimed, forget, mark
from upkeep.backups.physical.binlog_recovery import Ends, apply, look
from upkeep.backups.physical.binlogs import Position
from upkeep.catalog.models.backups import BackupPolicy
from upkeep.errors import PermanentError
from upkeep.findings.units import format_value
from upkeep.recoveries.asking import asked
from upkeep.recoveries.beside import ToMoment

_SYSTEM = ("information_schema", "mysql", "performance_schema", "sys", MARK)
_PINNED = ("backup", "server", "file", "offset", "stop", "database", "run", "data_as_of")


@dataclass(frozen=True)
class BinlogRecovery(ToMoment):
    """A database under its own name on a server that holds nothing else.

    A binary log names databases: what is applied may change any that the server has. copy: the dump to begin
    with. dumps: its policy, which says what must hold. archive: of the binary log. server: where it is
    restored. moment: to the second. run: whose it is. keep: whether it stays; a drill's never does.
    """

    client: Any
    copy: Copy
    dumps: BackupPolicy
    archive: BinlogBackups
    server: DatabaseServer
    moment: datetime
    run: str
    keep: bool
    title: str
    rpo: timedelta
    identities: Sequence[str] = field(default=(), repr=False)
    backup_id: UUID | None = None

    @property
    def subject(self) -> str:
        """What is recovered."""
        return f"{self.title} to a moment"

    def plan(self, pinned: Plan | None = None) -> Plan:
        """Look whether the moment can be reached; what was archived since makes no other plan."""
        told = self.archive.told()
        looked = self._look({file: one.newest for file, one in told.items()})
        facts = {"backup": self.copy.name, "server": self._place.where, **looked}
        facts["data_as_of"] = self.moment.isoformat()
        begun = claimed(self._place, facts) is not None
        restoring = restore_plan(self.client, self.copy, self._place)
        if problems := [] if begun else [*restoring["problems"], *self._others()]:
            raise PermanentError(f"nothing was touched: {'; '.join(problems)}")
        if pinned is not None and all(pinned.facts[key] == facts[key] for key in _PINNED):
            return pinned
        return Plan(
            title=f"Restore {self.title} to {self.moment.isoformat()}",
            target=self._place.where,
            steps=[
                f"restore {self.copy.name} into the new database {self._place.database}",
                f"apply {len(looked['files'])} binary logs from {looked['file']} on to {looked['stop']} UTC",
                "verify its assertions, foreign keys and age",
                "it stays" if self.keep else f"drop {self._place.database} again",
            ],
            destructive=False,
            facts=facts,
            notes=[
                f"binary logs to read: {format_value(looked['bytes'], 'bytes')}",
                room_note(restoring["needed_bytes"], restoring["room_bytes"]),
                f"the dump is of {self.copy.started_at:%c} UTC",
                *(
                    f"not applied, for its session used another database: {one}"
                    for file in looked["files"]
                    if file in told
                    for one in told[file].others
                ),
            ],
        )

    def restore(self, plan: Plan) -> None:
        """Restore the dump and apply the log; what a killed attempt has half applied is dropped first."""
        state = claimed(self._place, plan.facts)
        if state == "done":
            return
        if state == "begun":
            drop_restored(self._place, self.copy.reference)
        mark(self._place, plan.facts, "claimed")
        restore_dump(self.client, self.copy, self._place, identities=self.identities)
        apply(self._place, self.archive.store, plan.facts)

    def ready(self, plan: Plan) -> str | None:
        """Return at once: it is there when the call returns."""
        return f"{plan.target} is there"

    def verify(self, plan: Plan) -> Sequence[Proof]:
        """Ask what must hold: that all was applied, the assertions of the dumps, foreign keys, its age."""
        if claimed(self._place, plan.facts) != "done":
            raise PermanentError(f"{plan.target}: the binary log is not applied; clear from 'restore'")
        return [asked(self._place, self.dumps, self.moment, lost=self.rpo)]

    def resume(self, plan: Plan) -> str | None:  # noqa: ARG002 - what was restored is for people to take into use
        """Return nothing: what was restored is for people to take into use."""
        return None

    def clean_up(self, plan: Plan) -> str:
        """Drop the database, unless it is to stay."""
        if self.keep:
            return f"{plan.target} stays, as was asked; before another recovery drop it and {MARK}"
        if claimed(self._place, plan.facts) is None:
            forget(self._place)  # a worker was killed before it could say whose the server is
            return f"{plan.target} was not made"
        drop_restored(self._place, self.copy.reference)
        forget(self._place)
        return f"{plan.target} was dropped"

    @property
    def _place(self) -> DatabaseServer:
        return self.server.at(str(self.copy.facts["database"]))

    def _look(self, ends: Ends) -> dict[str, Any]:
        base, taken_at = position_of(self.copy)
        store, name = self.archive.store, self._place.database
        return look(store, base, taken_at, self.moment, ends=ends, database=name, run=self.run)

    def _others(self) -> list[str]:
        """Return what else the server has, which a binary log could change."""
        with self.server.at("").session() as session:
            names = {str(row[0]) for row in session.run("SHOW DATABASES")}
        others = sorted(names - {*_SYSTEM, self._place.database})
        if not others:
            return []
        return [
            f"the server of the connection 'restore' has {', '.join(others)}, which a binary log could "
            "change: drop what is not needed, or name a server that holds nothing else"
        ]


def position_of(copy: Copy) -> tuple[Position, datetime]:
    """Return where the binary log was when a dump was made, and from when on it can be brought further."""
    noted = copy.facts["binlog"]
    return Position(noted["file"], int(noted["offset"])), datetime.fromisoformat(noted["at"]).astimezone(UTC)
