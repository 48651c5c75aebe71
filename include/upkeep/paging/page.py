"""What a page says of an incident, or of the signal that would open one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from upkeep.incidents.model import Channel, Page, PageKind, Person, Signal, dedup_key
from upkeep.incidents.steps import Due

if TYPE_CHECKING:
    from upkeep.catalog.models import System
    from upkeep.ledger.incident_tables import Incident


def make_page(  # noqa: PLR0913 - what it is about, for whom, and which one it is
    about: Incident | Signal,
    place: Due,
    *,
    page_id: UUID,
    person: Person,
    channels: tuple[Channel, ...],
    system: System | None,
    base_url: str,
    kind: PageKind = "page",
) -> Page:
    """Return the message for one level: what is wrong as it is now, and how to answer.

    place: of the page in the chain, which makes its key. system: the catalog's, or None where it knows it no
    more. base_url: Airflow's own.
    """
    incident_id, signals = (about.incident_id, 1) if isinstance(about, Signal) else (about.id, about.signals)
    links = {"incident": f"{base_url.rstrip('/')}/upkeep/incidents/{incident_id}"}
    links |= {name: about.facts[name] for name in ("runbook", "dashboard") if about.facts.get(name)}
    return Page(
        id=page_id,
        incident_id=incident_id,
        dedup_key=dedup_key(incident_id, place.series, place.round, place.level, place.number),
        level=place.level,
        round=place.round,
        person=person,
        channels=channels,
        system=about.system,
        system_title=system.title if system else about.system,
        severity=about.severity,
        title=about.title,
        summary=about.summary,
        began_at=about.began_at,
        signals=signals,
        facts={**about.facts, **({"timezone": system.timezone} if system else {})},
        links=links,
        kind=kind,
    )
