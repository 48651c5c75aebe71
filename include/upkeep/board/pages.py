"""The pages of the board, from the ledger and the catalog.

Airflow loads plugins into many of its processes, and few of them show pages: what is heavy is imported
when a page is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
    from sqlalchemy import Engine

    from upkeep.catalog.compiled import Catalog
    from upkeep.catalog.plans import RoutinePlan
    from upkeep.ledger.overview import Wanted
    from upkeep.ledger.tables import ReportRow

MISSED_WITHIN = timedelta(days=7)
"""How far back the board lists missed deadlines: every daily routine was due at least once on each day."""


def report(dag_id: str, run_id: str) -> ReportRow | None:
    """Return a run's report that is in force, or None. Raises UpkeepError where the ledger fails."""
    from upkeep.ledger import reads
    from upkeep.operators.ledger import ledger_engine

    return reads.report(ledger_engine(), dag_id, run_id)


def board(user: BaseUser) -> str:
    """Return the page with the routines whose DAG the user may read.

    Raises UpkeepError where the ledger or the catalog fails.
    """
    from airflow.api_fastapi.app import get_auth_manager

    from upkeep.board.incident_pages import open_counts
    from upkeep.catalog.compiled import Catalog
    from upkeep.operators.ledger import ledger_engine

    readable = get_auth_manager().get_authorized_dag_ids(user=user)
    return board_page(ledger_engine(), Catalog(), readable, datetime.now(UTC), open_counts(user))


def board_page(
    engine: Engine,
    catalog: Catalog,
    dag_ids: Collection[str],
    now: datetime,
    incidents: Mapping[str, int] = MappingProxyType({}),
) -> str:
    """Return the page with the routines of these DAGs as they are at `now`, which has a time zone.

    incidents: how many are open, by system.
    """
    from upkeep.board.view import LOOKS, SIGNS, board_view
    from upkeep.ledger.overview import overview
    from upkeep.reports.build import templates

    plans = [plan for plan in catalog.plans() if plan.dag_id in dag_ids]
    known = overview(engine, [_wanted(plan) for plan in plans], now - MISSED_WITHIN)
    return (
        templates(html=True)
        .get_template("board.html.j2")
        .render(
            board=board_view(plans, known, now, incidents),
            days=MISSED_WITHIN.days,
            signs=SIGNS,
            looks=LOOKS,
        )
    )


def _wanted(plan: RoutinePlan) -> Wanted:
    from upkeep.ledger.overview import Wanted

    acts = any(task.reads == "acts" for task in plan.tasks)
    return Wanted(plan.dag_id, plan.system, plan.routine, acts)
