"""What the watchdog does, as operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseHook, BaseOperator
from airflow.sdk.exceptions import AirflowNotFoundException

from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from upkeep.clients.airflow_api import Login

AIRFLOW_CONNECTION = "upkeep_airflow"


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
            made = ensure_pools(api, Catalog().system_ids())
        self.log.info("pools made: %s", ", ".join(made) or "none was missing")
        return made
