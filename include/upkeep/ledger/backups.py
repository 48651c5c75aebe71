"""Backups and their proofs in the ledger. Every write may be repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import Connection, Engine, Row, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

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
    expiring: str | None = None
    """Why it is being deleted, from before it is until it has been recorded that it was."""
    deleted: bool = False

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


def record_expiring(engine: Engine, system: str, policy: str, why: Mapping[str, str | None]) -> None:
    """Record that backups are about to be deleted: what is gone afterwards was not lost.

    why: name → reason; None where it is to be kept after all.
    """
    _change(engine, system, policy, {name: {"deleted_why": reason} for name, reason in why.items()})


def record_deleted(engine: Engine, system: str, policy: str, why: Mapping[str, str], at: datetime) -> None:
    """Record that backups were deleted. why: name → reason."""
    values = {name: {"deleted_at": at, "deleted_why": reason} for name, reason in why.items()}
    _change(engine, system, policy, values)


def _change(engine: Engine, system: str, policy: str, values: Mapping[str, dict[str, Any]]) -> None:
    """Change the rows of backups, by name, that were not deleted yet."""
    with told_apart(), engine.begin() as connection:
        for name, columns in values.items():
            connection.execute(
                update(BackupRow)
                .where(BackupRow.id == backup_id(system, policy, name), BackupRow.deleted_at.is_(None))
                .values(**columns)
            )


def known_backup(engine: Engine, backup: UUID) -> Known | None:
    """Return a backup with what is proven of it, also if it was deleted; None if there never was one."""
    with told_apart(), engine.connect() as connection:
        row = connection.execute(select(BackupRow).where(BackupRow.id == backup)).one_or_none()
        return row and _known(row, _proofs(connection, [backup]).get(backup, []))


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


def checksums_proven(engine: Engine, system: str, policy: str, since: datetime) -> list[Proof]:
    """Return the proofs of checksums of all backups of a policy, deleted ones too: copies may share bytes."""
    query = (
        select(ProofRow)
        .join(BackupRow, BackupRow.id == ProofRow.backup_id)
        .where(BackupRow.system == system, BackupRow.policy == policy)
        .where(ProofRow.level == int(Level.CHECKSUMS), ProofRow.holds, ProofRow.at >= since)
        .order_by(ProofRow.at)
    )
    with told_apart(), engine.connect() as connection:
        return [_proof(row) for row in connection.execute(query)]


def last_proven(engine: Engine, system: str, policy: str, level: Level, until: datetime) -> datetime | None:
    """Return when a backup of the policy was last proven to a level or beyond, by what was known then.

    Deleted ones count: what was proven was proven. An examination counts that found nothing wrong: what was
    restored, and did not say what it must, is no proven restore.
    """
    worse = aliased(ProofRow)
    failed = select(worse.id).where(
        worse.backup_id == ProofRow.backup_id,
        worse.dag_id == ProofRow.dag_id,
        worse.run_id == ProofRow.run_id,
        ~worse.holds,
    )
    query = (
        select(func.max(ProofRow.at))
        .join(BackupRow, BackupRow.id == ProofRow.backup_id)
        .where(BackupRow.system == system, BackupRow.policy == policy)
        .where(ProofRow.level >= int(level), ProofRow.holds, ProofRow.at <= until)
        .where(~failed.exists())
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
    deleted = row.deleted_at is not None
    expiring = None if deleted else row.deleted_why
    return Known(row.id, row.policy, copy, levels, broken, expiring, deleted)
