"""What the watchdog does, as operators."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from airflow.sdk import BaseHook, BaseOperator
from airflow.sdk.exceptions import AirflowNotFoundException, AirflowSkipException

from upkeep.errors import ConfigurationError, TemporaryError, UpkeepError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context

    from upkeep.clients.airflow_api import AirflowApi, Login
    from upkeep.incidents.model import Signal

log = logging.getLogger(__name__)

AIRFLOW_CONNECTION = "upkeep_airflow"

ESCALATION_POOL = "escalation"
"""What `pool_name` makes the escalation's own pool of."""

HEARTBEAT_CONNECTION = "upkeep_heartbeat"

LOOK_BACK = timedelta(hours=24)
"""How far back the first watchdog after an outage looks for what was lost."""

STALE_SECONDS = 180
"""How old the last good watchdog may be before the heartbeat says that not all is well."""

OVERLAP = timedelta(minutes=10)
"""How far each watchdog looks behind the last good one: what was recorded while that one ran."""


def airflow_login(conn_id: str = AIRFLOW_CONNECTION) -> Login:
    """Return how the suite reaches Airflow's API. Raises ConfigurationError without the connection."""
    from upkeep.clients.airflow_api import Login

    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as e:
        raise ConfigurationError(
            f"Airflow has no connection {conn_id!r}; create it as an HTTP connection to Airflow's "
            "API server with a user who may edit pools"
        ) from e
    scheme = connection.schema or "http"
    port = f":{connection.port}" if connection.port else ""
    return Login(f"{scheme}://{connection.host}{port}", connection.login or "", connection.password or "")


def connection_exists(conn_id: str) -> bool:
    """Return whether a task would find a connection: in Airflow, the environment or a store of secrets.

    Raises TemporaryError where none of them can say.
    """
    try:
        BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return False
    except Exception as e:  # whatever a store of secrets raises, which may quote what it holds
        raise TemporaryError(f"cannot ask for the connection {conn_id}: {type(e).__name__}") from e
    return True


class EnsurePools(BaseOperator):
    """Make the pools that are missing."""

    def execute(self, context: Context) -> list[str]:  # noqa: ARG002
        """Return the names of the pools that were made."""
        from upkeep.catalog.compiled import Catalog
        from upkeep.clients.airflow_api import AirflowApi
        from upkeep.runs.pools import ensure_pools

        with AirflowApi(airflow_login()) as api:
            made = ensure_pools(api, [*Catalog().system_ids(), ESCALATION_POOL])
        self.log.info("pools made: %s", ", ".join(made) or "none was missing")
        return made


class Reconcile(BaseOperator):
    """Derive again what should be open, mend what was lost, and wake what is due.

    Callbacks make an incident fast; this makes it sure. An event that was seen opens nothing twice.
    """

    def execute(self, context: Context) -> dict[str, int]:  # noqa: ARG002
        """Return how many signals were derived and how many sleeping incidents were woken."""
        from upkeep.ledger import watch
        from upkeep.ledger.stepping import wake_stalled
        from upkeep.operators.aftermath import send_digests_cut_off
        from upkeep.operators.escalation import wake_next
        from upkeep.operators.ledger import ledger_engine

        engine, now = ledger_engine(), datetime.now(UTC)
        last = watch.good_at(engine, "watchdog")
        since = max(last - OVERLAP, now - LOOK_BACK) if last else now - OVERLAP
        signals, failed = raise_what_is_wrong(since, now)
        try:
            send_digests_cut_off(now)
        except UpkeepError as e:
            failed.append(e)
        woken = wake_stalled(engine, now)
        wake_next()
        if failed:
            raise failed[0]  # the rest has been done; the next minute tries again
        watch.went_well(engine, "watchdog", now, {"signals": signals, "woken": len(woken)})
        return {"signals": signals, "woken": len(woken)}


def raise_what_is_wrong(since: datetime, now: datetime) -> tuple[int, list[Exception]]:
    """Raise the signals of all that is wrong now and that ended since a time.

    Return how many there were, and what failed: where one source cannot be asked, such as for a right that
    is missing, or nobody can be paged for what it says, the others are asked all the same.
    """
    from upkeep.clients.airflow_api import AirflowApi
    from upkeep.operators.escalation import raise_signals

    count, failed = 0, []
    with AirflowApi(airflow_login()) as api:
        for source in _sources(api, since, now):
            try:
                signals = source()
                raise_signals(*signals)
                count += len(signals)
            except Exception as e:
                log.exception("the watchdog could not ask everything, or not page everybody")
                failed.append(e)
    return count, failed


def _sources(api: AirflowApi, since: datetime, now: datetime) -> list[Callable[[], list[Signal]]]:
    from upkeep.catalog.compiled import Catalog, suite_catalog
    from upkeep.incidents.subjects import OWN_SYSTEM
    from upkeep.operators.ledger import ledger_engine
    from upkeep.watch import connections, dags, findings, queue, runs, suite
    from upkeep.watch.turns import turn

    engine, catalog = ledger_engine(), Catalog()
    plans, systems = list(catalog.plans()), catalog.system_ids()
    broken = suite.broken_files([*catalog.problems(), *suite_catalog().problems()])
    going = cache(lambda: api.runs(state=["running", "queued"], run_after_lte=now))
    own, asked = {plan.dag_id for plan in plans}, turn(systems, now)
    # Those that need no API come first: it may be hanging, and each request then takes its time.
    return [
        lambda: findings.criticals(engine, plans, catalog.system, since, now),
        lambda: suite.catalog_signals(engine, [*systems, OWN_SYSTEM], broken, now),
        lambda: connections.missing(engine, asked, catalog.system, connection_exists, now),
        lambda: runs.troubles(api, plans, going(), since, now),
        lambda: dags.missing(api, engine, plans, asked, now),
        lambda: queue.too_old(api, engine, going(), own, now),
        lambda: suite.part_signals(engine, api.health(), now),
    ]


class Heartbeat(BaseOperator):
    """Tell the outside that the watchdog has run; a dead man's switch there pages when it stops.

    Without the connection `upkeep_heartbeat` (its password is the ping URL) the task is skipped.
    """

    def execute(self, context: Context) -> None:  # noqa: ARG002
        """Send the age of the last good watchdog; it has failed where that is old."""
        from upkeep.ledger import watch
        from upkeep.operators.ledger import ledger_engine
        from upkeep.watch.beat import beat

        try:
            connection = BaseHook.get_connection(HEARTBEAT_CONNECTION)
        except AirflowNotFoundException:
            raise AirflowSkipException(
                f"there is no connection {HEARTBEAT_CONNECTION}: nobody outside notices if Airflow stops"
            ) from None
        now = datetime.now(UTC)
        last = watch.good_at(ledger_engine(), "watchdog")
        age = (now - last).total_seconds() if last else None
        well = age is not None and age < STALE_SECONDS
        beat(connection.password or "", well=well, facts={"last_good_watchdog_age_seconds": age})
