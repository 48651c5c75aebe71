"""Databases from Airflow's connections, for programs such as pg_dump that log in by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from upkeep.backups.dumps.server import DatabaseServer, Tls
from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from airflow.sdk import Connection

PORTS = {"mysql": 3306, "postgres": 5432}


def server_of(connection: Connection) -> DatabaseServer:
    """Return the database of a connection. Raises ConfigurationError where it does not say enough.

    TLS is verified where the connection says so: `sslmode: verify-full` with `sslrootcert` for PostgreSQL,
    `ssl: {ca: …}` for MySQL.
    """
    engine = connection.conn_type
    if engine not in PORTS:
        raise ConfigurationError(
            f"the connection {connection.conn_id!r} is of type {engine!r}; it must be mysql or postgres"
        )
    missing = [name for name in ("host", "login", "schema") if not getattr(connection, name)]
    if missing:
        raise ConfigurationError(f"the connection {connection.conn_id!r} lacks {', '.join(missing)}")
    ca_file, tls = _tls(connection.extra_dejson)
    return DatabaseServer(
        engine="mysql" if engine == "mysql" else "postgres",
        host=str(connection.host),
        port=connection.port or PORTS[engine],
        user=str(connection.login),
        password=connection.password or "",
        database=str(connection.schema),
        ca_file=ca_file,
        tls=tls,
    )


def _tls(extra: dict[str, Any]) -> tuple[str | None, Tls]:
    own = extra.get("ssl")
    ca_file = (
        extra.get("sslrootcert") or extra.get("ssl_ca") or (own.get("ca") if isinstance(own, dict) else None)
    )
    mode = extra.get("sslmode")
    if mode in ("disable", "allow"):
        return ca_file, "off"
    return ca_file, "verify" if ca_file or mode in ("verify-ca", "verify-full") else "prefer"
