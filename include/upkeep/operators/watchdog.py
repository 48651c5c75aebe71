"""What the watchdog does, as operators."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk import BaseHook, BaseOperator
from airflow.sdk.exceptions import AirflowNotFoundException, AirflowSkipException

from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from upkeep.clients.airflow_api import Login
    from upkeep.incidents.model import Signal

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


def airflow_login() -> Login:
    """Return how the suite reaches Airflow's API. Raises ConfigurationError without the connection."""
    from upkeep.clients.airflow_api import Login

    try:
        connection = BaseHook.get_connection(AIRFLOW_CONNECTION)
    except AirflowNotFoundException as e:
        raise ConfigurationError(
            f"Airflow has no connection {AIRFLOW_CONNECTION!r}; create it as an HTTP connection to Airflow's "
            "API server with a user who may edit pools"
        ) from e
    scheme = connection.schema or "http"
    port = f":{connection.port}" if connection.port else ""
    return Login(f"{scheme}://{connection.host}{port}", connection.login or "", connection.password or "")


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
        from upkeep.operators.escalation import raise_signals, wake_next
        from upkeep.operators.ledger import ledger_engine

        engine, now = ledger_engine(), datetime.now(UTC)
        last = watch.good_at(engine, "watchdog")
        since = max(last - OVERLAP, now - LOOK_BACK) if last else now - OVERLAP
        signals = derive(since, now)
        raise_signals(*signals)
        woken = wake_stalled(engine, now)
        wake_next()
        watch.went_well(engine, "watchdog", now, {"signals": len(signals), "woken": len(woken)})
        return {"signals": len(signals), "woken": len(woken)}


def derive(since: datetime, now: datetime) -> list[Signal]:
    """Return the signals of everything that is wrong now, and of what ended since a time."""
    from upkeep.catalog.compiled import Catalog, suite_catalog
    from upkeep.clients.airflow_api import AirflowApi
    from upkeep.operators.ledger import ledger_engine
    from upkeep.watch import findings, runs, suite

    engine, catalog = ledger_engine(), Catalog()
    plans = list(catalog.plans())
    with AirflowApi(airflow_login()) as api:
        of_runs = runs.troubles(api, plans, since, now)
        silent = suite.part_signals(api.health(), now)
    broken = suite.catalog_signals([*catalog.problems(), *suite_catalog().problems()], now)
    suite.resolve_what_is_well(engine, [*catalog.system_ids(), "upkeep"], broken, silent, now)
    critical = findings.criticals(engine, plans, catalog.system, since, now)
    return [*critical, *of_runs, *broken.values(), *silent.values()]


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
