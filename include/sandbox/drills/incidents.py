"""Incidents of the drill, opened in the ledger with a chain of their own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Engine, delete, select, update

from upkeep.incidents.model import ChainCopy, ChainLevel, Signal
from upkeep.ledger.incident_tables import Incident, PageRow
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
        return dict(connection.execute(query).tuples().all())


def end_all(ledger: Engine) -> None:
    """Resolve every incident and tell nobody. Their signals stay, so that the watchdog opens none again."""
    now = datetime.now(UTC)
    open_ones = update(Incident).where(Incident.resolved_at.is_(None))
    with ledger.begin() as connection:
        connection.execute(open_ones.values(resolved_at=now, resolved_by="drill", next_step_at=None))
        connection.execute(update(PageRow).where(PageRow.state == "pending").values(state="suppressed"))
        connection.execute(delete(DeadlineMiss))
