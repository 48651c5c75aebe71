"""Recoveries and drills in the ledger: what they took, and what the earlier ones took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Row, and_, not_, select, update
from sqlalchemy.dialects.postgresql import insert

from upkeep.ledger.backup_tables import RecoveryRow
from upkeep.ledger.errors import told_apart


@dataclass(frozen=True)
class RecoveryKey:
    """One procedure of one run."""

    dag_id: str
    run_id: str
    task_id: str


@dataclass(frozen=True)
class Past:
    """A recovery that came to its end. RTO: from the loss (or the start) to verified; RPO: data lost."""

    began_at: datetime
    drill: bool
    rto: timedelta
    rpo: timedelta | None
    problems: Sequence[str]


def begin_recovery(engine: Engine, key: RecoveryKey, values: Mapping[str, Any], began_at: datetime) -> None:
    """Record that a recovery has begun; a repeat keeps the time of its first beginning.

    values: system, subject, drill, backup_id, target, plan, lost_at, data_as_of.
    """
    row = insert(RecoveryRow).values(**vars(key), **values, began_at=began_at, problems=[])
    kept = {name: row.excluded[name] for name in ("plan", "target", "backup_id", "data_as_of")}
    with told_apart(), engine.begin() as connection:
        connection.execute(
            row.on_conflict_do_update(index_elements=["dag_id", "run_id", "task_id"], set_=kept)
        )


def mark_recovery(engine: Engine, key: RecoveryKey, **values: Any) -> None:
    """Set restored_at, verified_at, cleaned_at, lost_at, data_as_of or problems of a recovery."""
    with told_apart(), engine.begin() as connection:
        connection.execute(update(RecoveryRow).where(*_of(key)).values(**values))


def recovery(engine: Engine, key: RecoveryKey) -> Row[Any] | None:
    """Return a recovery's row, None if it never began."""
    with told_apart(), engine.connect() as connection:
        return connection.execute(select(RecoveryRow).where(*_of(key))).one_or_none()


def past_recoveries(  # noqa: PLR0913 - of what, and which of them
    engine: Engine, system: str, subject: str, *, but: RecoveryKey, before: datetime, most: int = 20
) -> list[Past]:
    """Return the verified recoveries of the same thing that began before a time, newest first.

    but: the one that asks; cleared, its run begins after its own first attempt.
    """
    query = (
        select(RecoveryRow)
        .where(RecoveryRow.system == system, RecoveryRow.subject == subject)
        .where(RecoveryRow.verified_at.is_not(None), RecoveryRow.began_at < before, not_(and_(*_of(but))))
        .order_by(RecoveryRow.began_at.desc())
        .limit(most)
    )
    with told_apart(), engine.connect() as connection:
        return [past(row) for row in connection.execute(query)]


def _of(key: RecoveryKey) -> tuple[Any, ...]:
    return (
        RecoveryRow.dag_id == key.dag_id,
        RecoveryRow.run_id == key.run_id,
        RecoveryRow.task_id == key.task_id,
    )


def past(row: Row[Any]) -> Past:
    """Return what a verified recovery took, from its row."""
    lost = row.lost_at or row.began_at
    rpo = max(lost - row.data_as_of, timedelta()) if row.data_as_of else None
    return Past(row.began_at, row.drill, row.verified_at - lost, rpo, row.problems)
