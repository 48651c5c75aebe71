"""The incidents as pages and as JSON, from the ledger and the catalog.

What is heavy is imported when a page is asked for: see `upkeep.board.pages`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from upkeep.board.rights import readable
from upkeep.errors import UpkeepError

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
    from sqlalchemy import Engine

    from upkeep.board.incident_list import Listed
    from upkeep.catalog.models import System
    from upkeep.ledger.incident_tables import Incident

MOST_LISTED = 1_000
"""Incidents on one page: more is a storm that nobody reads line by line."""

_STATES = {"open": "open", "resolved": "resolved", "all": "any"}


def engine() -> Engine:
    """Return the ledger's engine. Raises ConfigurationError without its connection."""
    from upkeep.operators.ledger import ledger_engine

    return ledger_engine()


def find(incident_id: UUID) -> Incident | None:
    """Return an incident, or None. Raises UpkeepError where the ledger fails."""
    from upkeep.ledger import incident_reads

    return incident_reads.incident(engine(), incident_id)


def record_seen(row: Incident, who: str, now: datetime) -> None:
    """Record that a signed-in user has opened an incident's page."""
    from upkeep.ledger import answers

    answers.seen(engine(), row.id, answers.Answer(who, now, channel="ui"))


def page(row: Incident, who: str, token: str | None, now: datetime) -> str:
    """Return an incident's page; its forms are there with a token alone."""
    from upkeep.board.incident_answers import SNOOZE_MINUTES
    from upkeep.board.incident_view import Known, incident_view
    from upkeep.board.incident_words import span
    from upkeep.ledger import incident_reads, overrides

    known = Known(
        incident=row,
        pages=incident_reads.pages(engine(), row.id),
        history=incident_reads.history(engine(), row.id),
        system=system_of(row),
        stand_ins=overrides.stand_ins(engine(), [row.system], now)[row.system],
    )
    choices = [(minutes, span(timedelta(minutes=minutes))) for minutes in SNOOZE_MINUTES]
    return _render("incident.html.j2", view=incident_view(known, now), who=who, token=token, snoozes=choices)


def details(row: Incident, now: datetime) -> dict[str, Any]:
    """Return an incident with its pages and history as JSON."""
    from upkeep.board.incident_json import details_json
    from upkeep.ledger import incident_reads

    pages, history = incident_reads.pages(engine(), row.id), incident_reads.history(engine(), row.id)
    return details_json(row, pages, history, now)


def list_page(user: BaseUser, system: str | None, state: str, now: datetime) -> str:
    """Return the page of the incidents that the user may read, what is loud first."""
    from upkeep.board.incident_list import list_view

    listed = _listed(user, system, state)
    return _render("incidents.html.j2", view=list_view(listed, system, state, now))


def list_json(user: BaseUser, system: str | None, state: str, now: datetime) -> list[dict[str, Any]]:
    """Return the incidents that the user may read, in the order of the page."""
    from upkeep.board.incident_json import incident_json

    return [incident_json(one.incident, now) for one in _listed(user, system, state)]


def refused_page(code: int, why: str) -> str:
    """Return the page that says why a request was refused."""
    return _render("incident_refused.html.j2", code=code, why=why)


def open_counts(user: BaseUser) -> Mapping[str, int]:
    """Return how many incidents are open that the user may read, by system."""
    from upkeep.ledger import incident_reads

    rows = incident_reads.incidents(engine(), incident_reads.Which(limit=MOST_LISTED))
    return Counter(row.system for row in filter(readable(user), rows))


def system_of(row: Incident) -> System | None:
    """Return what the catalog says of an incident's system now, None where it is gone or broken."""
    from upkeep.catalog.compiled import Catalog

    try:
        return Catalog().system(row.system)
    except UpkeepError:
        return None


def _listed(user: BaseUser, system: str | None, state: str) -> Sequence[Listed]:
    from upkeep.board.incident_list import in_order
    from upkeep.ledger import incident_reads
    from upkeep.ledger.dead_letters import undelivered
    from upkeep.ledger.incident_reads import Which

    which = Which(system=system, state=_STATES[state], limit=MOST_LISTED)  # type: ignore[arg-type]
    rows = list(filter(readable(user), incident_reads.incidents(engine(), which)))
    return in_order(rows, undelivered(engine(), [row.id for row in rows if row.resolved_at is None]))


def _render(template: str, **values: Any) -> str:
    from upkeep.board.incident_words import LOOKS, SEVERITY_LOOKS, SIGNS
    from upkeep.reports.build import templates

    shared = {"looks": LOOKS, "state_signs": SIGNS, "severity_looks": SEVERITY_LOOKS}
    return templates(html=True).get_template(template).render(**shared, **values)
