"""Where a repository of pgBackRest is and where recoveries go, as a connection says."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from upkeep.backups.physical.stanza import Stanza
from upkeep.errors import ConfigurationError

CONFIG = "pgbackrest.conf"
PORT = 5432
"""A restored server listens nowhere: this is but part of the name of the socket in its own folder."""


@dataclass(frozen=True)
class PgBackRestPlace:
    """A stanza as a worker reaches it. folder: below it lies what is recovered, None where nothing is.

    superuser: of the restored cluster.
    """

    stanza: Stanza
    folder: Path | None = None
    superuser: str = "postgres"

    def below(self, name: str) -> Path:
        """Return the folder of a recovery. Raises ConfigurationError where there is no place for it."""
        if self.folder is None:
            raise ConfigurationError(
                f"the connection of pgBackRest for {self.stanza.name} names no 'folder' in its extra: "
                "write one there in which a recovered PostgreSQL has room"
            )
        if not name or name.startswith(".") or Path(name).name != name:
            raise ConfigurationError(f"{name!r} is no name for a folder below {self.folder}")
        return self.folder / name


def write_config(folder: Path, stanza: str, options: Mapping[str, str], user: str | None) -> Path:
    """Write pgBackRest's configuration into a folder, readable by the one who runs pgBackRest alone.

    options: pgBackRest's own, secrets among them; those of the server begin with `pg`.
    """
    lines: dict[str, list[str]] = {"global": [], stanza: []}
    for name, value in options.items():
        if "\n" in f"{name}{value}":
            raise ConfigurationError(
                f"the option {name.splitlines()[0]!r} of pgBackRest has more than one line"
            )
        lines[stanza if name.startswith("pg") else "global"].append(f"{name}={value}")
    file = folder / CONFIG
    file.touch(mode=0o600)
    file.write_text(
        "".join(f"[{part}]\n" + "".join(f"{one}\n" for one in own) for part, own in lines.items())
    )
    if user is not None:
        account = pwd.getpwnam(user)
        for path in (folder, file):
            os.chown(path, account.pw_uid, account.pw_gid)
    return file
