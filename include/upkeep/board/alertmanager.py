"""Alertmanager's webhook: firing alerts become signals, resolved ones resolve what they alone kept open.

The answer is 2xx only once everything is committed in the ledger; Alertmanager repeats what it is not told
was taken, and whatever comes twice changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import APIRouter, Depends, HTTPException, Request, status
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from upkeep.board import incident_pages
from upkeep.board.bodies import JSON, body_of, media_type
from upkeep.board.form_tokens import demand_bearer, refuse_other_sites
from upkeep.board.headers import HEADERS
from upkeep.board.waking import wake_soon
from upkeep.runs.wakeups import ESCALATION

if TYPE_CHECKING:
    from upkeep.catalog.compiled import Catalog

LARGEST_BODY = 1024 * 1024
MOST_ALERTS = 500
"""Alerts in one request; `max_alerts` of Alertmanager's receiver keeps a group below it."""

router = APIRouter()
Outcome = Literal["opened", "folded", "seen", "settled", "resolved", "ignored", "warning"]
EDITS_ESCALATION = Depends(requires_access_dag("PUT", DagAccessEntity.RUN, ESCALATION))


class Alert(BaseModel):
    """One alert of the payload; what else is in it is not read."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: AwareDatetime = Field(alias="startsAt")
    fingerprint: str = Field(min_length=1, max_length=64, pattern="^[0-9A-Za-z_-]+$")

    @property
    def name(self) -> str:
        """The alert's name."""
        return self.labels.get("alertname", "an alert without a name")


class Payload(BaseModel):
    """What Alertmanager sends, version 4."""

    version: Literal["4"]
    alerts: list[Alert] = Field(max_length=MOST_ALERTS)


@router.post("/api/alertmanager", dependencies=[EDITS_ESCALATION])
def receive(request: Request, body: Annotated[bytes, Depends(body_of(LARGEST_BODY))]) -> JSONResponse:
    """Take a webhook's alerts; the answer says how many were opened, folded, seen before, resolved, …"""
    refuse_other_sites(request, from_a_browser=False)
    demand_bearer(request)
    if media_type(request) != JSON:
        raise HTTPException(status.HTTP_415_UNSUPPORTED_MEDIA_TYPE, f"alerts are sent as {JSON}")
    outcomes = take(_payload(body).alerts, datetime.now(UTC))
    if outcomes.keys() & {"opened", "folded", "resolved"}:
        wake_soon()
    return JSONResponse(dict(outcomes), headers=HEADERS)


def take(alerts: list[Alert], now: datetime) -> Counter[Outcome]:
    """Record alerts and return how many came to what.

    Raises TemporaryError where the ledger does not answer: then some may be recorded, and are "seen" when
    they are sent again.
    """
    from upkeep.catalog.compiled import Catalog

    catalog = Catalog()
    # Oldest first, so that of two states of one alert the later one stands.
    in_turn = sorted(alerts, key=lambda alert: alert.starts_at)
    return Counter(_take(alert, system_of(alert.labels, catalog), catalog, now) for alert in in_turn)


def system_of(labels: Mapping[str, str], catalog: Catalog) -> str:
    """Return the system that an alert is about, by its label `system`, else by its namespace.

    What belongs to no system is the suite's own: somebody must hear of it.
    """
    from upkeep.errors import UpkeepError
    from upkeep.incidents.subjects import OWN_SYSTEM

    known = catalog.system_ids()
    if (named := labels.get("system")) in known:
        return str(named)
    for system_id in known if labels.get("namespace") else ():
        try:
            workload = catalog.system(system_id).workload
        except UpkeepError:
            continue  # a broken file; its incidents are reported elsewhere
        if workload and workload.namespace == labels["namespace"]:
            return system_id
    return OWN_SYSTEM


def _take(alert: Alert, system_id: str, catalog: Catalog, now: datetime) -> Outcome:
    from upkeep.incidents.outside import from_alert
    from upkeep.ledger import alerts, recovery
    from upkeep.paging.raising import raise_signal

    engine = incident_pages.engine()
    newest = alerts.newest_start(engine, system_id, alert.fingerprint)
    if newest and alert.starts_at < newest:
        return "ignored"
    if alert.status == "resolved":
        # What began later than what is recorded, and is over, ends what is recorded, too.
        ended = newest and recovery.resolve_alert(engine, system_id, alert.fingerprint, now)
        return "resolved" if ended else "ignored"
    signal = from_alert(
        system_id,
        catalog.system(system_id),
        name=alert.name,
        labels=alert.labels,
        annotations=alert.annotations,
        starts_at=alert.starts_at,
        fingerprint=alert.fingerprint,
        now=now,
    )
    return raise_signal(engine, signal, catalog.system, now).outcome if signal else "warning"


def _payload(body: bytes) -> Payload:
    try:
        return Payload.model_validate_json(body)
    except ValidationError as e:
        said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in _first(e))
        raise HTTPException(
            status.HTTP_400_BAD_REQUEST, f"this is no webhook of Alertmanager, version 4: {said}"
        ) from e


def _first(error: ValidationError) -> list[Any]:
    return error.errors(include_url=False, include_context=False, include_input=False)[:3]
