"""A PostgreSQL of ours brought back to a moment beside the real one, from a base backup and archived WAL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from upkeep.acts.plans import Plan
from upkeep.backups import targets
from upkeep.backups.dumps.server import DatabaseServer
from upkeep.backups.model import Level, Proof
from upkeep.backups.physical.drill_server import DrillServer, Reached
from upkeep.backups.physical.place import PORT, PgBackRestPlace
from upkeep.backups.physical.recovery import CONFIG, look, restore, what
from upkeep.catalog.models.backups import BackupPolicy
from upkeep.errors import PermanentError
from upkeep.findings.units import format_value
from upkeep.recoveries.asking import asked
from upkeep.recoveries.beside import ToMoment

ANSWER_SECONDS = 60


@dataclass(frozen=True)
class ClusterRecovery(ToMoment):
    """A new cluster in a folder of the worker, reached through that folder only.

    name: of the folder below that of the place. run: whose it is. database: whose invariants are asked.
    timeline: None for the newest that is archived. damaged: labels of base backups that are not to be used.
    keep: whether it stays when the run is over; a drill's never does.
    """

    place: PgBackRestPlace
    policy: BackupPolicy
    moment: datetime
    name: str
    run: str
    database: str
    keep: bool
    timeline: int | None = None
    damaged: Collection[str] = ()
    backup_id: UUID | None = None

    @property
    def subject(self) -> str:
        """What is recovered."""
        return f"{self.policy.title} to a moment"

    def plan(self, pinned: Plan | None = None) -> Plan:
        """Look whether the moment can be reached; what was archived since makes no other plan."""
        looked = look(
            self.place.stanza, self._folder, self.moment, self.timeline, without=self.damaged, run=self.run
        )
        if pinned is not None and what(pinned.facts) == what(looked):
            return pinned
        facts = {**what(looked), "type": looked["type"], "target": looked["target"]}
        facts["data_as_of"] = looked["moment"]
        return Plan(
            title=f"Restore {self.policy.title} to {self.moment.isoformat()}",
            target=f"the new cluster in {self._folder}",
            steps=[
                f"restore the base backup {looked['label']} to {self._folder}",
                f"roll it forward by the archived WAL of timeline {looked['timeline']} to {looked['moment']}",
                f"verify the assertions, foreign keys and age of {self.database}",
                self._end(),
            ],
            destructive=False,
            facts=facts,
            notes=[
                f"what can be recovered from it: {looked['earliest']} to {looked['latest']}",
                *(f"WAL that is missing after that: {one}" for one in looked["missing"]),
                f"size of the cluster: {format_value(looked['bytes'], 'bytes')}",
            ],
        )

    def restore(self, plan: Plan) -> None:
        """Restore the base backup, and let the server begin to recover."""
        restore(self.place.stanza, plan.facts, self._folder)
        self._server.start()

    def ready(self, plan: Plan) -> str | None:
        """Return where it has come to, once it is there."""
        reached = self._server.reached()
        return f"{plan.target} has come to {_come_to(reached)}" if reached else None

    def verify(self, plan: Plan) -> Sequence[Proof]:  # noqa: ARG002 - the plan was made of the same
        """Ask what must hold: where it stopped, the catalog's assertions, foreign keys, its age."""
        reached = self._server.wait(ANSWER_SECONDS)
        late = reached.at is not None and reached.at > self.moment
        problems = [f"it went on to {reached.at}, beyond {self.moment.isoformat()}"] if late else []
        evidence: dict[str, Any] = {"come_to": _come_to(reached), "lsn": reached.lsn}
        stopped = Proof(Level.RESTORED, datetime.now(self.moment.tzinfo), problems, evidence)
        return [stopped, asked(self._database, self.policy, self.moment)]

    def in_use(self, plan: Plan) -> str | None:
        """Return where it is, once it was let take writes: its secrets go last."""
        given = self.keep and self._folder.exists() and not (self._folder / CONFIG).exists()
        return plan.target if given else None

    def resume(self, plan: Plan) -> str | None:  # noqa: ARG002 - the plan was made of the same
        """Let people write to it, if it stays; the repository's secrets do not stay with it."""
        if not self.keep:
            return None
        self._server.wait(ANSWER_SECONDS)
        self._server.promote()
        (self._folder / CONFIG).unlink(missing_ok=True)
        return f"it takes writes: psql -h {self._folder}/run -p {PORT} -U {self.place.superuser}"

    def clean_up(self, plan: Plan) -> str:
        """Stop the cluster and remove its folder, unless it is to stay."""
        if self.keep:
            return f"{plan.target} stays, as was asked; pg_ctl -D {self._folder}/data stop ends it"
        mark = targets.marked(self._folder)
        if mark is None and not self._folder.exists():
            return f"{plan.target} was not there"
        if mark is None or mark["what"].get("run") != self.run:
            raise PermanentError(f"{self._folder} is not what this run has made: it is not removed")
        self._server.stop()
        targets.clear(self._folder)
        return f"{plan.target} was stopped and removed"

    @property
    def _folder(self) -> Path:
        return self.place.below(self.name)

    @property
    def _server(self) -> DrillServer:
        return DrillServer(
            stanza=self.place.stanza, folder=self._folder, port=PORT, superuser=self.place.superuser
        )

    @property
    def _database(self) -> DatabaseServer:
        where = str(self._folder / "run")
        return DatabaseServer("postgres", where, PORT, self.place.superuser, "", self.database, tls="off")

    def _end(self) -> str:
        return "let it take writes; it stays" if self.keep else "stop and remove it"


def _come_to(reached: Reached) -> str:
    return reached.at.isoformat() if reached.at else f"{reached.lsn}, without a transaction since the backup"
