"""Which runs have sent their digest of warnings: each once, whatever is retried or cleared."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, func, select, update
from sqlalchemy.dialects import postgresql

from upkeep.ledger.errors import told_apart
from upkeep.ledger.incident_tables import Digest


def begin(engine: Engine, dag_id: str, run_id: str) -> bool:
    """Return whether the digest of a run is still to be sent. One whose sending was cut off is sent again."""
    with told_apart(), engine.begin() as connection:
        connection.execute(
            postgresql.insert(Digest).values(dag_id=dag_id, run_id=run_id).on_conflict_do_nothing()
        )
        sent = select(func.count()).where(
            Digest.dag_id == dag_id, Digest.run_id == run_id, Digest.sent_at.is_not(None)
        )
        return not connection.scalar(sent)


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
