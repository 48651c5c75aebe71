"""Backups and their proofs in the ledger. Every write may be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import Connection, Engine, Row, func, select, update
from sqlalchemy.dialects.postgresql import insert

from upkeep.backups.model import Copy, Level, Proof
from upkeep.ledger.backup_tables import BackupRow, ProofRow
from upkeep.ledger.errors import told_apart


@dataclass(frozen=True)
class Known:
    """A backup as the ledger knows it. levels: the levels that hold, by when they were last proven."""

    id: UUID
    policy: str
    copy: Copy
    levels: dict[Level, datetime]
    broken: Sequence[str] = ()
    """What the newest examination found wrong, if it did."""

    @property
    def proven(self) -> Level | None:
        """The highest level that is proven; a backup that was found broken since has none."""
        return None if self.broken else max(self.levels, default=None)


def backup_id(system: str, policy: str, name: str) -> UUID:
    """Return the id of a backup: the same in every attempt to make it."""
    return uuid5(NAMESPACE_URL, f"upkeep:backup/{system}/{policy}/{name}")


def record_backup(engine: Engine, system: str, policy: str, copy: Copy, run: tuple[str, str]) -> UUID:
    """Record a finished backup. run: the DAG's and the run's ids."""
    made = backup_id(system, policy, copy.name)
    columns = ("name", "reference", "started_at", "ended_at", "bytes", "sha256", "encryption")
    values = {column: getattr(copy, column) for column in columns}
    values |= {"system": system, "policy": policy, "facts": dict(copy.facts)}
    values |= {"dag_id": run[0], "run_id": run[1]}
    row = insert(BackupRow).values(id=made, **values)
    with told_apart(), engine.begin() as connection:
        connection.execute(row.on_conflict_do_update(index_elements=["id"], set_=values))
    return made


def record_proofs(engine: Engine, backup: UUID, proofs: Sequence[Proof], run: tuple[str, str]) -> None:
    """Record what an examination showed; the same run again replaces its own."""
    with told_apart(), engine.begin() as connection:
        for proof in proofs:
            values = asdict(proof) | {"level": int(proof.level), "holds": proof.holds}
            values |= {"problems": list(proof.problems), "evidence": dict(proof.evidence)}
            row = insert(ProofRow).values(backup_id=backup, dag_id=run[0], run_id=run[1], **values)
            key = ["backup_id", "level", "dag_id", "run_id"]
            connection.execute(row.on_conflict_do_update(index_elements=key, set_=values))


def record_deleted(engine: Engine, system: str, policy: str, why: dict[str, str], at: datetime) -> None:
    """Record that backups were deleted. why: name → reason."""
    with told_apart(), engine.begin() as connection:
        for name, reason in why.items():
            connection.execute(
                update(BackupRow)
                .where(BackupRow.id == backup_id(system, policy, name), BackupRow.deleted_at.is_(None))
                .values(deleted_at=at, deleted_why=reason)
            )


def known_backups(engine: Engine, system: str, policy: str, most: int = 10_000) -> list[Known]:
    """Return the backups of a policy that were not deleted, newest first, with what is proven of each."""
    rows = (
        select(BackupRow)
        .where(BackupRow.system == system, BackupRow.policy == policy, BackupRow.deleted_at.is_(None))
        .order_by(BackupRow.started_at.desc())
        .limit(most)
    )
    with told_apart(), engine.connect() as connection:
        found = connection.execute(rows).all()
        proofs = _proofs(connection, [row.id for row in found])
    return [_known(row, proofs.get(row.id, [])) for row in found]


def proofs_of(engine: Engine, backup: UUID) -> list[Proof]:
    """Return all that was proven of a backup, oldest first."""
    with told_apart(), engine.connect() as connection:
        return [_proof(row) for row in _proofs(connection, [backup]).get(backup, [])]


def last_proven(engine: Engine, system: str, policy: str, level: Level, until: datetime) -> datetime | None:
    """Return when a backup of the policy was last proven to a level or beyond, by what was known then.

    Deleted ones count: what was proven was proven.
    """
    query = (
        select(func.max(ProofRow.at))
        .join(BackupRow, BackupRow.id == ProofRow.backup_id)
        .where(BackupRow.system == system, BackupRow.policy == policy)
        .where(ProofRow.level >= int(level), ProofRow.holds, ProofRow.at <= until)
    )
    with told_apart(), engine.connect() as connection:
        return connection.scalar(query)


def _proofs(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, list[Row[Any]]]:
    query = select(ProofRow).where(ProofRow.backup_id.in_(ids)).order_by(ProofRow.at, ProofRow.level)
    found: dict[UUID, list[Row[Any]]] = {}
    for row in connection.execute(query):
        found.setdefault(row.backup_id, []).append(row)
    return found


def _proof(row: Row[Any]) -> Proof:
    return Proof(Level(row.level), row.at, row.problems, row.evidence)


def _known(row: Row[Any], proofs: Sequence[Row[Any]]) -> Known:
    levels = {Level(proof.level): proof.at for proof in proofs if proof.holds}
    # One examination tries level after level, each at a time of its own: its run holds them together.
    newest = [(proof.dag_id, proof.run_id) for proof in proofs[-1:]]
    broken = [
        problem for proof in proofs if (proof.dag_id, proof.run_id) in newest for problem in proof.problems
    ]
    copy = Copy(
        name=row.name,
        reference=row.reference,
        started_at=row.started_at,
        ended_at=row.ended_at,
        bytes=row.bytes,
        sha256=row.sha256,
        encryption=row.encryption,
        facts=row.facts,
    )
    return Known(row.id, row.policy, copy, levels, broken)
