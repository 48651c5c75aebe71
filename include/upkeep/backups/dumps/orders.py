"""What a dump is to be: the same whether the worker makes it or a job in Kubernetes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from upkeep.backups.dumps.dump import Encryption
from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from upkeep.backups.dumps.dump import Dump
    from upkeep.catalog.models.system import ConnectionRole
    from upkeep.checks.context import Clients

Engine = Literal["mysql", "postgres"]
_PLACE = re.compile(r"s3://([^/]+)/(.*)")


@dataclass(frozen=True)
class DumpOrder:
    """Of what, and where to: plain values, nothing secret. prefix: with its `/`.

    binlog: of MariaDB, to note where the binary log is, which continues the dump.
    """

    engine: Engine
    bucket: str
    prefix: str
    encryption: Encryption
    smallest_bytes: int = 1
    binlog: bool = False

    @property
    def roles(self) -> list[ConnectionRole]:
        """The connections that making it takes."""
        return [self.engine, "aws", "backup_key"] if self.encryption == "age" else [self.engine, "aws"]

    def arguments(self, connections: Mapping[ConnectionRole, str]) -> list[str]:
        """Return those of the program `upkeep` that make such a dump; its name is to follow.

        connections: the ids by role. Raises ConfigurationError where one is missing.
        """
        if missing := [role for role in self.roles if role not in connections]:
            raise ConfigurationError(f"a dump by a job needs the connections {', '.join(missing)}")
        return [
            "backups",
            "dump",
            f"--to=s3://{self.bucket}/{self.prefix}",
            f"--encryption={self.encryption}",
            f"--smallest-bytes={self.smallest_bytes}",
            *(["--binlog"] if self.binlog else []),
            *(f"--connection={role}={connections[role]}" for role in self.roles),
        ]

    def method(self, clients: Clients) -> Dump:
        """Return the dumps. Raises ConfigurationError where a connection is missing."""
        from upkeep.backups.dumps.mysql import MySqlDump
        from upkeep.backups.dumps.postgres import PostgresDump

        key = clients.backup_key() if self.encryption == "age" else None
        parts: dict[str, Any] = {
            "server": clients.database(self.engine),
            "client": clients.aws("s3"),
            "bucket": self.bucket,
            "prefix": self.prefix,
            "encryption": self.encryption,
            "recipients": (key.recipient,) if key else (),
            "identities": (key.identity,) if key and key.identity else (),
            "smallest_bytes": self.smallest_bytes,
        }
        return MySqlDump(**parts, binlog=self.binlog) if self.engine == "mysql" else PostgresDump(**parts)


def order_of(
    to: str, encryption: str, connections: Mapping[str, str], smallest_bytes: int, *, binlog: bool = False
) -> tuple[DumpOrder, dict[ConnectionRole, str]]:
    """Return the order that arguments speak of, with the connections that it takes.

    Raises ConfigurationError where they do not make one.
    """
    place = _PLACE.fullmatch(to)
    if place is None:
        raise ConfigurationError(f"{to!r} is no place for a dump; write s3://BUCKET/PREFIX")
    if encryption not in get_args(Encryption):
        raise ConfigurationError(f"{encryption!r} is none of {', '.join(get_args(Encryption))}")
    engines = [engine for engine in get_args(Engine) if engine in connections]
    if len(engines) != 1:
        raise ConfigurationError("a dump has one connection of the role mysql or postgres")
    order = DumpOrder(engines[0], place[1], place[2], cast("Encryption", encryption), smallest_bytes, binlog)
    if missing := [role for role in order.roles if not connections.get(role)]:
        raise ConfigurationError(f"the dump lacks the connection {', '.join(missing)}")
    return order, {role: connections[role] for role in order.roles}
