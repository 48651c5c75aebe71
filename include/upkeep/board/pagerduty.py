"""PagerDuty's webhook (version 3): who answers on the phone has answered here.

PagerDuty cannot sign in to Airflow. Its signature over the body, made with the secret that the Airflow
connection `upkeep_pagerduty_webhook` holds as its password, is what it is known by.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Request, status
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ValidationError

from upkeep.board import incident_pages
from upkeep.board.bodies import body_of
from upkeep.board.headers import HEADERS
from upkeep.board.waking import wake_soon
from upkeep.errors import ConfigurationError, PermanentError

if TYPE_CHECKING:
    from upkeep.ledger.incident_tables import Incident

CONNECTION = "upkeep_pagerduty_webhook"
LARGEST_BODY = 1024 * 1024

router = APIRouter()


class Reference(BaseModel):
    """Somebody or something in PagerDuty."""

    type: str = ""
    summary: str | None = None


class Data(BaseModel):
    """The incident in PagerDuty; its key is the one that our page was sent with."""

    incident_key: str | None = None
    assignees: list[Reference] = []


class Event(BaseModel):
    """What happened. agent: who did it; a person, or a service or an integration."""

    event_type: str
    occurred_at: AwareDatetime
    agent: Reference | None = None
    data: Data = Data()


class Payload(BaseModel):
    """What PagerDuty sends."""

    event: Event


@router.post("/api/pagerduty")
def receive(request: Request, body: Annotated[bytes, Depends(body_of(LARGEST_BODY))]) -> JSONResponse:
    """Take an event, and say what came of it. What concerns no incident of ours is taken and ignored."""
    _demand_signature(request.headers.get("x-pagerduty-signature", ""), body)
    try:
        event = Payload.model_validate_json(body).event
    except ValidationError as e:
        raise HTTPException(status.HTTP_400_BAD_REQUEST, "this is no event of PagerDuty's webhook") from e
    return JSONResponse({"outcome": take(event, datetime.now(UTC))}, headers=HEADERS)


def take(event: Event, now: datetime) -> str:
    """Give a person's answer in their name, unless something newer is known; return what came of it."""
    from upkeep.ledger import answers

    row = _incident(event.data.incident_key)
    if row is None:
        return "ignored: it is no incident of ours"
    if event.agent is None or event.agent.type != "user_reference" or not event.agent.summary:
        # Our own events come back by this way, and PagerDuty closes by itself what nobody has answered.
        return "ignored: nobody did it"
    if event.occurred_at < _last_answer(row):
        return "ignored: it is older than what is known"
    who = f"{event.agent.summary[:200]} (PagerDuty)"
    # As of when they did it: an answer that is on its way must not pass for older than the one before it.
    answer = answers.Answer(who, min(event.occurred_at, now), channel="pagerduty")
    try:
        return _give(event, row, answer)
    except ConfigurationError:
        raise
    except PermanentError as e:
        # To send it again would not help.
        return f"ignored: {e}"


def _give(event: Event, row: Incident, answer: Any) -> str:
    from dataclasses import replace

    from upkeep.ledger import answers

    engine = incident_pages.engine()
    if event.event_type == "incident.acknowledged":
        answers.acknowledge(engine, row.id, answer)
    elif event.event_type == "incident.resolved":
        answers.resolve(engine, row.id, answer)
    elif event.event_type == "incident.reassigned":
        names = ", ".join(one.summary or "?" for one in event.data.assignees)[:500]
        at = event.occurred_at.astimezone(UTC)
        text = f"reassigned in PagerDuty to {names or 'nobody'} at {at:%Y-%m-%d %H:%M:%S} UTC"
        answers.comment(engine, row.id, replace(answer, text=text))
        return "recorded"
    else:
        return f"ignored: {event.event_type[:100]} is not followed"
    wake_soon()
    return "recorded"


def _last_answer(row: Incident) -> datetime:
    """Return when the incident was last opened, made more severe or answered: older news are no news."""
    from upkeep.board.incident_answers import CHANGES
    from upkeep.ledger import incident_reads

    lines = incident_reads.history(incident_pages.engine(), row.id)
    counts = [line.at for line in lines if line.kind in CHANGES or (line.facts or {}).get("raised")]
    return max([row.opened_at, *counts])


def _incident(key: str | None) -> Incident | None:
    try:
        # A key begins with the incident's id; the page's place in the chain follows.
        return incident_pages.find(UUID(key.partition("/")[0])) if key else None
    except ValueError:
        return None


def _demand_signature(header: str, body: bytes) -> None:
    """Refuse with 401 a body that no signature fits; PagerDuty sends several while a secret is changed."""
    expected = "v1=" + hmac.new(_secret().encode(), body, hashlib.sha256).hexdigest()
    given = [one.strip() for one in header.split(",")[:10]]
    if not any(hmac.compare_digest(one.encode(), expected.encode()) for one in given):
        raise HTTPException(
            status.HTTP_401_UNAUTHORIZED,
            f"the signature does not fit the secret that is the password of the connection {CONNECTION}",
        )


def _secret() -> str:
    """Return the webhook's secret. Raises ConfigurationError without the connection or its password."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        secret = BaseHook.get_connection(CONNECTION).password
    except AirflowNotFoundException:
        secret = None
    if not secret:
        # An empty secret would let everybody sign.
        raise ConfigurationError(
            f"Airflow has no connection {CONNECTION!r} with a password; store the secret of PagerDuty's "
            "webhook subscription there"
        )
    return str(secret)
