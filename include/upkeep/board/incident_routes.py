"""The routes of incidents: the list, an incident's own page, and the answers, as pages and by REST."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response, status
from fastapi.responses import HTMLResponse, JSONResponse

from upkeep.board import incident_pages
from upkeep.board.bodies import FORM, JSON, body_of, form_fields, json_object, media_type
from upkeep.board.form_tokens import demand_bearer, is_valid, make_token, refuse_other_sites
from upkeep.board.headers import HEADERS, HEADERS_WITH_FORMS
from upkeep.board.incident_answers import Asked, give, remark
from upkeep.board.rights import dag_of, demand, may
from upkeep.board.waking import wake_soon

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.models.base_user import BaseUser

    from upkeep.ledger.incident_tables import Incident

LARGEST_ANSWER = 64 * 1024

router = APIRouter()

SystemFilter = Annotated[str | None, Query(max_length=100)]
StateFilter = Annotated[str, Query(pattern="^(open|resolved|all)$")]
AnswerBody = Annotated[bytes, Depends(body_of(LARGEST_ANSWER))]
READS_RUNS = Depends(requires_access_dag("GET", DagAccessEntity.RUN))


@router.get("/incidents", response_class=HTMLResponse, dependencies=[READS_RUNS])
def show_list(user: GetUserDep, system: SystemFilter = None, state: StateFilter = "open") -> HTMLResponse:
    """Show the incidents that the user may read, what is loud first."""
    page = incident_pages.list_page(user, system or None, state, _now())
    return HTMLResponse(page, headers=HEADERS_WITH_FORMS)


@router.get("/api/incidents", dependencies=[READS_RUNS])
def list_as_json(user: GetUserDep, system: SystemFilter = None, state: StateFilter = "open") -> JSONResponse:
    """Return the incidents that the user may read, in the order of the list."""
    found = incident_pages.list_json(user, system or None, state, _now())
    return JSONResponse({"incidents": found}, headers=HEADERS)


@router.get("/incidents/{incident_id}", response_class=HTMLResponse)
def show(incident_id: str, user: GetUserDep) -> HTMLResponse:
    """Show an incident, and record that the user has seen it; the chain goes on as before."""
    row, now = _incident(incident_id), _now()
    demand(user, "GET", dag_of(row))
    incident_pages.record_seen(row, user.get_name(), now)
    token = make_token(user.get_id(), row.id, now) if may(user, "PUT", dag_of(row)) else None
    return HTMLResponse(incident_pages.page(row, user.get_name(), token, now), headers=HEADERS_WITH_FORMS)


@router.get("/api/incidents/{incident_id}")
def show_as_json(incident_id: str, user: GetUserDep) -> JSONResponse:
    """Return an incident with its pages and history."""
    row = _incident(incident_id)
    demand(user, "GET", dag_of(row))
    return JSONResponse(incident_pages.details(row, _now()), headers=HEADERS)


@router.post("/incidents/{incident_id}/{name}")
@router.post("/api/incidents/{incident_id}/{name}")
def answer(request: Request, incident_id: str, name: str, user: GetUserDep, body: AnswerBody) -> Response:
    """Give an answer: a form of our own page leads back to it, JSON is answered with the incident."""
    row, now = _incident(incident_id), _now()
    demand(user, "PUT", dag_of(row))
    by_form = media_type(request) == FORM
    fields = _fields(request, row, user, body, now)
    row = give(name, _asked(row, user, fields, now, "ui" if by_form else "api"))
    if name != "comment":
        wake_soon()
    if by_form:
        # Relative, so that it holds under any base path.
        return Response(status_code=status.HTTP_303_SEE_OTHER, headers={"Location": f"../{row.id}"})
    return JSONResponse(incident_pages.details(row, now), headers=HEADERS)


def _asked(row: Incident, user: BaseUser, fields: dict[str, Any], now: datetime, channel: str) -> Asked:
    from upkeep.ledger.answers import Answer

    answer = Answer(user.get_name(), now, remark(fields), channel)
    return Asked(incident_pages.engine(), row, answer, fields)


def _fields(request: Request, row: Incident, user: BaseUser, body: bytes, now: datetime) -> dict[str, Any]:
    """Return the answer's fields, if the request is none that another site could have had sent.

    A form carries a token of our own page. JSON carries a bearer token: no browser adds one by itself.
    """
    by_form = media_type(request) == FORM
    refuse_other_sites(request, from_a_browser=by_form)
    if by_form:
        fields: dict[str, Any] = form_fields(body)
        if not is_valid(fields.get("token", ""), user.get_id(), row.id, now):
            raise HTTPException(
                status.HTTP_403_FORBIDDEN,
                "the form does not come from this incident's page, or the page is too old; open it again",
            )
        return fields
    if media_type(request) != JSON:
        raise HTTPException(status.HTTP_415_UNSUPPORTED_MEDIA_TYPE, f"an answer is sent as {JSON}")
    demand_bearer(request)
    return json_object(body)


def _incident(incident_id: str) -> Incident:
    try:
        found = incident_pages.find(UUID(incident_id))
    except ValueError:
        found = None
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no incident {incident_id[:100]}")
    return found


def _now() -> datetime:
    return datetime.now(UTC)
