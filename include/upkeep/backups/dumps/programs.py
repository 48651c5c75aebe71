"""The programs that dump and restore: where they are, and which version."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from upkeep.errors import ConfigurationError

DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
"""Debian keeps every major version's programs here; those on the path choose one by local clusters."""

_PACKAGES = {
    "mariadb-dump": "mariadb-client",
    "mariadb": "mariadb-client",
    "pg_dump": "postgresql-client",
    "pg_restore": "postgresql-client",
}
_OTHER_NAMES = {"mariadb-dump": "mysqldump", "mariadb": "mysql"}


@dataclass(frozen=True)
class Program:
    """A program. version: major and minor. text: what it says of itself."""

    path: str
    version: tuple[int, int]
    text: str


def find(name: str) -> Program:
    """Return `mariadb-dump`, `mariadb` (or MySQL's), `pg_dump` or `pg_restore`, the newest there is.

    Raises ConfigurationError if it is not installed; the message names Debian's package.
    """
    for path in _candidates(name):
        return _described(path)
    raise ConfigurationError(
        f"{name} is not installed on this worker (Debian: apt-get install {_PACKAGES[name]})"
    )


def parse_version(text: str) -> tuple[int, int]:
    """Return major and minor version out of what a program or a server says of itself.

    >>> parse_version("mariadb-dump  Ver 10.19 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)")
    (10, 11)
    >>> parse_version("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)")
    (15, 18)
    >>> parse_version("8.0.36")
    (8, 0)
    """
    found = re.search(r"(?:Distrib |from )(\d+)\.(\d+)", text) or re.search(r"(\d+)\.(\d+)", text)
    if found is None:
        raise ConfigurationError(f"no version number in {text[:80]!r}")
    return int(found[1]), int(found[2])


def _candidates(name: str) -> Sequence[str]:
    debian = sorted(
        (path for path in DEBIAN_POSTGRES.glob(f"*/bin/{name}")), key=lambda p: _number(p.parts[-3])
    )
    on_path = [shutil.which(each) for each in (name, _OTHER_NAMES.get(name, name))]
    return [*(str(path) for path in reversed(debian)), *(path for path in on_path if path)]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


@cache
def _described(path: str) -> Program:
    done = subprocess.run(  # noqa: S603 - a path that we found
        [path, "--version"], capture_output=True, text=True, check=False, timeout=30
    )
    return Program(path, parse_version(done.stdout), done.stdout.strip())
