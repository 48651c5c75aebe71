"""Physical backups and recovery to a moment: PostgreSQL with pgBackRest, MariaDB with its binary log."""

from upkeep.backups.physical.drill_server import DrillServer, Reached
from upkeep.backups.physical.pgbackrest import PgBackRest
from upkeep.backups.physical.recovery import look, recoverable_windows, restore
from upkeep.backups.physical.stanza import Stanza
from upkeep.backups.physical.windows import Window

__all__ = [
    "DrillServer",
    "PgBackRest",
    "Reached",
    "Stanza",
    "Window",
    "look",
    "recoverable_windows",
    "restore",
]
