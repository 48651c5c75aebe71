"""The ledger's engine, from the Airflow connection `upkeep_ledger`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowNotFoundException

from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import Engine

LEDGER_CONNECTION = "upkeep_ledger"
"""The one connection id that is the same in every installation."""

CONNECT_TIMEOUT_SECONDS = 10


@cache
def ledger_engine() -> Engine:
    """Return this process's engine for the ledger.

    Raises ConfigurationError where Airflow has no connection `upkeep_ledger`.
    """
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    hook = PostgresHook(postgres_conn_id=LEDGER_CONNECTION)
    connect = {"connect_timeout": CONNECT_TIMEOUT_SECONDS, "application_name": "upkeep"}
    try:
        # A new connection costs as much as ten statements. A task ends soon and takes its connection with
        # it; the API server lives long, and a connection that the database has closed is found out.
        return hook.get_sqlalchemy_engine(
            {
                "pool_size": 2,
                "max_overflow": 8,
                "pool_pre_ping": True,
                "use_native_hstore": False,  # it is asked for at each connection, and the ledger has none
                "connect_args": connect,
            }
        )
    except AirflowNotFoundException as e:
        raise ConfigurationError(
            f"Airflow has no connection {LEDGER_CONNECTION!r}; create it as a Postgres connection to the "
            "ledger's database, then run `upkeep ledger migrate`"
        ) from e
