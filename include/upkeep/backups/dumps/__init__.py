"""Logical dumps of MariaDB, MySQL and PostgreSQL: streamed to S3, examined there, restored from there."""

from upkeep.backups.dumps.mysql import MySqlDump
from upkeep.backups.dumps.postgres import PostgresDump
from upkeep.backups.dumps.server import DatabaseServer

__all__ = ["DatabaseServer", "MySqlDump", "PostgresDump"]
