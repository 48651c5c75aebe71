"""Which runs have sent their digest of warnings: each once, whatever is retried or cleared."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, and_, func, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from upkeep.ledger.errors import told_apart
from upkeep.ledger.incident_tables import Digest
from upkeep.ledger.tables import ReportRow, Run


def plan(engine: Engine, dag_id: str, run_id: str) -> None:
    """Record that a run has a digest to send; one that was sent stays so."""
    row = postgresql.insert(Digest).values(dag_id=dag_id, run_id=run_id).on_conflict_do_nothing()
    with told_apart(), engine.begin() as connection:
        connection.execute(row)


def is_sent(engine: Engine, dag_id: str, run_id: str) -> bool:
    """Return whether the digest of a run was sent."""
    sent = select(func.count()).where(
        Digest.dag_id == dag_id, Digest.run_id == run_id, Digest.sent_at.is_not(None)
    )
    with told_apart(), engine.connect() as connection:
        return bool(connection.scalar(sent))


def cut_off(engine: Engine, since: datetime, until: datetime) -> Sequence[Run]:
    """Return the runs, reported between two times, whose digest was planned and never tried to its end."""
    found = (
        select(Run)
        .join(Digest, and_(Digest.dag_id == Run.dag_id, Digest.run_id == Run.run_id))
        .join(ReportRow, and_(ReportRow.dag_id == Run.dag_id, ReportRow.run_id == Run.run_id))
        .where(Digest.sent_at.is_(None), Digest.error.is_(None), ReportRow.superseded_at.is_(None))
        .where(ReportRow.created_at >= since, ReportRow.created_at < until)
        .order_by(ReportRow.created_at)
    )
    with told_apart(), Session(engine, expire_on_commit=False) as session:
        return session.scalars(found).all()


def record(  # noqa: PLR0913 - the columns of one row
    engine: Engine,
    dag_id: str,
    run_id: str,
    *,
    channels: Sequence[str],
    errors: Sequence[str],
    now: datetime,
) -> None:
    """Record which channels took the digest, and why others did not; one that none took counts as unsent."""
    values = {
        "sent_at": now if channels else None,
        "channel": ", ".join(sorted(channels)) or None,
        "error": "; ".join(errors) or None,
    }
    with told_apart(), engine.begin() as connection:
        connection.execute(
            update(Digest).where(Digest.dag_id == dag_id, Digest.run_id == run_id).values(values)
        )
