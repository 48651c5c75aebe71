"""Which incidents nobody heard of: no channel took their newest page."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from upkeep.ledger.errors import told_apart
from upkeep.ledger.incident_tables import PageRow


def undelivered(engine: Engine, incident_ids: Sequence[UUID]) -> set[UUID]:
    """Return those of the incidents whose newest page or reminder is a dead letter."""
    query = (
        select(PageRow)
        .where(PageRow.incident_id.in_(incident_ids), PageRow.kind.in_(("page", "reminder")))
        .where(PageRow.state.in_(("sent", "dead")))
        .order_by(PageRow.created_at, PageRow.level)
    )
    with told_apart(), Session(engine) as session:
        newest = {page.incident_id: page.state for page in session.scalars(query)}
    return {incident_id for incident_id, state in newest.items() if state == "dead"}
