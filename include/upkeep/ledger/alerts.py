"""What the ledger knows of an alert: since when it was firing when it was last heard of."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from upkeep.incidents.subjects import alert_subject
from upkeep.ledger.errors import told_apart
from upkeep.ledger.incident_tables import Incident, SignalRow


def newest_start(engine: Engine, system: str, fingerprint: str) -> datetime | None:
    """Return the latest start of a system's alert that is recorded, None for one that never was."""
    prefix = alert_subject(fingerprint) + "/"
    query = (
        select(SignalRow.event_id)
        .join(Incident, Incident.id == SignalRow.incident_id)
        .where(Incident.system == system, SignalRow.event_id.startswith(prefix, autoescape=True))
    )
    with told_apart(), Session(engine) as session:
        starts = [datetime.fromisoformat(name.removeprefix(prefix)) for name in session.scalars(query)]
    return max(starts, default=None)
