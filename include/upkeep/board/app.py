"""The pages that the plugin mounts under `/upkeep`.

A plugin's application has no authentication of its own: every route asks for Airflow's, and for the
right to read the DAG that it shows. PagerDuty's webhook alone has a signature instead.
"""

from __future__ import annotations

from urllib.parse import urlencode

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response, status
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import HTMLResponse, RedirectResponse

from upkeep.board import alertmanager, incident_pages, incident_routes, pagerduty, pages
from upkeep.board.headers import HEADERS
from upkeep.errors import UpkeepError

app = FastAPI(title="Upkeep", docs_url=None, redoc_url=None, openapi_url=None)

# Before the answers by REST, whose addresses have as many parts.
app.include_router(alertmanager.router)
app.include_router(pagerduty.router)
app.include_router(incident_routes.router)


@app.get(
    "/reports/{dag_id}/{run_id:path}",
    response_class=HTMLResponse,
    dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.RUN))],
)
def report(dag_id: str, run_id: str, form: str = Query("html", pattern="^(html|markdown)$")) -> Response:
    """Show the newest report of one run."""
    found = pages.report(dag_id, run_id)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no report of {dag_id} {run_id} yet")
    if form == "markdown":
        return Response(found.markdown, media_type="text/markdown; charset=utf-8", headers=HEADERS)
    return HTMLResponse(found.html, headers=HEADERS)


@app.get(
    "/",
    response_class=HTMLResponse,
    dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.RUN))],
)
def board(user: GetUserDep) -> HTMLResponse:
    """Show the newest run of each routine that the user may read, and how many incidents are open."""
    return HTMLResponse(pages.board(user), headers=HEADERS)


@app.exception_handler(UpkeepError)
async def unavailable(request: Request, error: UpkeepError) -> Response:
    """Answer an error of the ledger or the catalog with 503 that says what to do, not with a stack trace."""
    return await refused(request, HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, str(error)))


@app.exception_handler(HTTPException)
async def refused(request: Request, error: HTTPException) -> Response:
    """Show a person in a browser what went wrong, or where to sign in; a program gets JSON."""
    if "text/html" not in request.headers.get("accept", ""):
        return await http_exception_handler(request, error)
    if error.status_code == status.HTTP_401_UNAUTHORIZED and request.method == "GET":
        return RedirectResponse(_sign_in(request), status_code=status.HTTP_303_SEE_OTHER)
    page = incident_pages.refused_page(error.status_code, str(error.detail))
    return HTMLResponse(page, status_code=error.status_code, headers=HEADERS)


def _sign_in(request: Request) -> str:
    """Return Airflow's own address for signing in, which leads back to the page."""
    from airflow.api_fastapi.app import API_ROOT_PATH

    return f"{API_ROOT_PATH}api/v2/auth/login?{urlencode({'next': str(request.url)})}"
