"""The estate's PostgreSQL: zetra, lessay and tapio, with the tables that their guides name."""

from __future__ import annotations

from importlib.resources import files

from psycopg2 import sql

from sandbox.credentials import credentials
from sandbox.estate import Endpoint
from sandbox.parts.model import Context, Part
from sandbox.parts.postgres_cluster import SUPERUSER, Cluster, connection

POOL_SIZE = 25
"""Connections that each database accepts: the size of its system's pool."""

CLUSTER = Cluster(
    name="postgres",
    databases={"zetra": "zetra_admin", "lessay": "lessay", "tapio": "tapio"},
    settings={
        "max_connections": "100",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "track_io_timing": "on",
        "log_min_duration_statement": "1s",
    },
    durable=False,
)


def start(context: Context) -> list[Endpoint]:
    """Start it with fresh data, dated relative to now."""
    found = CLUSTER.start(context)
    port = found.port or 0
    _, passwords = credentials(context.folder, CLUSTER.name, ())
    for database in CLUSTER.databases:
        with connection(port, SUPERUSER, passwords[SUPERUSER], database) as admin, admin.cursor() as cursor:
            name = sql.Identifier(database)
            cursor.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT %s").format(name), (POOL_SIZE,))
            if found.details["statement_statistics"]:
                cursor.execute("CREATE EXTENSION pg_stat_statements")
                cursor.execute("SELECT pg_stat_statements_reset()")  # it has seen how roles were made
    for database, owner in CLUSTER.databases.items():
        with connection(port, owner, passwords[owner], database) as ours, ours.cursor() as cursor:
            cursor.execute((files("sandbox.seeds") / f"{database}.sql").read_text())
    return [found]


PART = Part(names=("postgres",), costs="findings about the PostgreSQL databases are unknown", start=start)
