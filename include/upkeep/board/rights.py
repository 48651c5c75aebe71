"""Who may read and answer an incident: the rights on runs of its DAG.

An incident about a routine belongs to that routine's DAG. One without a DAG (an alert, a broken catalog, one
that a person raised) belongs to the DAG that serves the chains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from fastapi import HTTPException, status

from upkeep.runs.wakeups import ESCALATION

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.api_fastapi.auth.managers.models.base_user import BaseUser

    from upkeep.ledger.incident_tables import Incident

Right = Literal["GET", "PUT"]
"""Reading and editing runs: Airflow names rights by HTTP methods."""


def dag_of(incident: Incident) -> str:
    """Return the DAG whose rights an incident has."""
    return str(incident.facts.get("dag_id") or ESCALATION)


def may(user: BaseUser, right: Right, dag_id: str) -> bool:
    """Return whether the user may read or edit the runs of a DAG."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.models.dag import DagModel

    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    return bool(
        get_auth_manager().is_authorized_dag(
            method=right, access_entity=DagAccessEntity.RUN, details=details, user=user
        )
    )


def readable(user: BaseUser) -> Callable[[Incident], bool]:
    """Return a filter that keeps the incidents that the user may read; a DAG is asked about once."""
    known: dict[str, bool] = {}

    def keep(incident: Incident) -> bool:
        dag_id = dag_of(incident)
        if dag_id not in known:
            known[dag_id] = may(user, "GET", dag_id)
        return known[dag_id]

    return keep


def demand(user: BaseUser, right: Right, dag_id: str) -> None:
    """Refuse with 403 a user without the right."""
    if not may(user, right, dag_id):
        does = "read" if right == "GET" else "edit"
        raise HTTPException(
            status.HTTP_403_FORBIDDEN, f"this takes the right to {does} the runs of the DAG {dag_id}"
        )
