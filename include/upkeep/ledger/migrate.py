"""Brings the ledger's tables to the version that this code needs."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, text

from upkeep.ledger.errors import told_apart

LOCK = 0x75706B02
"""The advisory lock under which migrations run; any number of our own."""

VERSION_TABLE = "upkeep_ledger_version"


def upgrade(engine: Engine) -> None:
    """Apply the migrations that are missing; two at once wait for each other."""
    with told_apart(), engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def current_revision(engine: Engine) -> str | None:
    """Return the revision that the ledger is at, None for an empty database."""
    with told_apart(), engine.connect() as connection:
        return context(connection).get_current_revision()


def context(connection: Connection) -> MigrationContext:
    """Return the migration context of the ledger on this connection."""
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
