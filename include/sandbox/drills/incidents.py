"""Incidents of the drill, opened in the ledger with a chain of their own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Engine, select, text

from upkeep.incidents.model import ChainCopy, ChainLevel, Signal
from upkeep.ledger.incident_tables import Incident
from upkeep.ledger.incidents import open_or_fold
from upkeep.ledger.tables import DeadlineMiss

HOUR = 3600.0


def chain(first_wait_seconds: float) -> ChainCopy:
    """Return two levels by webhook: the second is paged so long after the first, then nothing for hours."""
    first = ChainLevel("first", first_wait_seconds, "acknowledgement", ("webhook",))
    second = ChainLevel("second", HOUR, "acknowledgement", ("webhook",))
    return ChainCopy("drill", (first, second), 1, HOUR, 24 * HOUR)


def open_incident(ledger: Engine, system: str, name: str, first_wait_seconds: float) -> UUID:
    """Open an incident, whose first page is due at once; nobody is woken for it."""
    now = datetime.now(UTC)
    signal = Signal(
        event_id=f"drill/{system}/{name}",
        fold_key=f"{system}/{name}",
        system=system,
        source="person",
        issue_type="service_down",
        severity="P1",
        title=f"Drill {name}",
        summary="Nothing is wrong.",
        began_at=now,
        at=now,
    )
    return open_or_fold(ledger, signal, chain(first_wait_seconds), now=now).incident_id


def next_steps(ledger: Engine, ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """Return when each of the open incidents is due next."""
    query = select(Incident.id, Incident.next_step_at).where(Incident.id.in_(ids))
    with ledger.connect() as connection:
        return {id_: due for id_, due in connection.execute(query) if due is not None}


def deadlines(ledger: Engine) -> dict[str, datetime]:
    """Return DAG to the deadline that it missed last."""
    query = select(DeadlineMiss.dag_id, DeadlineMiss.deadline_at).order_by(DeadlineMiss.deadline_at)
    with ledger.connect() as connection:
        return dict(connection.execute(query).tuples())


def forget(ledger: Engine) -> None:
    """Forget every incident with all that belongs to it."""
    with ledger.begin() as connection:
        connection.execute(text("TRUNCATE incidents, signals, pages, incident_history, deadline_misses"))
