"""The pages that the plugin mounts under `/upkeep`.

A plugin's application has no authentication of its own: every route asks for Airflow's, and for the
right to read the DAG that it shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Query, Response, status
from fastapi.responses import HTMLResponse

from upkeep.board import pages
from upkeep.errors import UpkeepError

T = TypeVar("T")

app = FastAPI(title="Upkeep", docs_url=None, redoc_url=None, openapi_url=None)

# A page of ours loads nothing from anywhere and runs no script.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'self'; form-action 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@app.get(
    "/reports/{dag_id}/{run_id:path}",
    response_class=HTMLResponse,
    dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.RUN))],
)
def report(dag_id: str, run_id: str, form: str = Query("html", pattern="^(html|markdown)$")) -> Response:
    """Show the newest report of one run."""
    found = _answer(lambda: pages.report(dag_id, run_id))
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
    """Show the newest run of each routine that the user may read."""
    return HTMLResponse(_answer(lambda: pages.board(user)), headers=HEADERS)


def _answer(ask: Callable[[], T]) -> T:
    """Return what `ask` does; an error of the ledger is a 503 that says what to do, not a stack trace."""
    try:
        return ask()
    except UpkeepError as e:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, str(e)) from e
