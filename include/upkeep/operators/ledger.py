"""The ledger's engine, from the Airflow connection `upkeep_ledger`."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from airflow.sdk import Connection
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

    It asks for Airflow's connection when it connects: a worker makes it, and each of its tasks, which are
    forks of it, connects for itself. Raises ConfigurationError then where there is no such connection.
    """
    from sqlalchemy import create_engine

    # A new connection costs as much as ten statements. A task ends soon and takes its connection with
    # it; the API server lives long, and a connection that the database has closed is found out.
    return create_engine(
        "postgresql+psycopg://",
        creator=_connect,
        pool_size=2,
        max_overflow=8,
        pool_pre_ping=True,
        use_native_hstore=False,  # it is asked for at each connection, and the ledger has none
    )


def ledger_connection() -> Connection:
    """Return Airflow's connection to the ledger. Raises ConfigurationError where there is none."""
    try:
        found: Connection = Connection.get(LEDGER_CONNECTION)
    except AirflowNotFoundException as e:
        raise ConfigurationError(
            f"Airflow has no connection {LEDGER_CONNECTION!r}; create it as a Postgres connection to the "
            "ledger's database, then run `upkeep ledger migrate`"
        ) from e
    return found


def _connect() -> Any:
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    connection = ledger_connection()
    ours = {"connect_timeout": CONNECT_TIMEOUT_SECONDS, "application_name": "upkeep"}
    extra = connection.extra_dejson
    # The hook's engines take TLS from `sqlalchemy_query`, its connections from the extra: both count.
    connection.extra = json.dumps(ours | extra.get("sqlalchemy_query", {}) | extra)
    return PostgresHook(connection=connection).get_conn()
