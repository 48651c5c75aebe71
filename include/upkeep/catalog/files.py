"""The files of a catalog folder, and which system each would be."""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from upkeep.catalog.places import suite_folder
from upkeep.catalog.positions import START
from upkeep.catalog.problems import CatalogError, Problem
from upkeep.errors import ConfigurationError

SYSTEM_ID = re.compile(r"[a-z0-9-]{1,100}")
SUFFIXES = (".yaml", ".yml")

SUITE = "upkeep"
"""The suite's own id: a system without routines, whose chain hears of what is wrong with the suite itself."""

LARGEST_BYTES = 1 << 20
"""A system's file has a few tens of KiB; a larger one is something else."""


def system_files(folder: Path) -> dict[str, list[str]]:
    """Return the names of the catalog's files by the system that they would be, in order.

    Stems that differ in case alone are one system. Raises ConfigurationError if the folder cannot be listed.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError as e:
        raise ConfigurationError(
            f"the catalog's folder {folder} cannot be read: {e.strerror}; set UPKEEP_SYSTEMS to the folder"
        ) from e
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if name.endswith(SUFFIXES) and not name.startswith("."):
            found[name.rpartition(".")[0].lower()].append(name)
    return dict(sorted(found.items()))


def files_of(folder: Path, system_id: str) -> list[str]:
    """Return the names of one system's files without listing the folder."""
    if not SYSTEM_ID.fullmatch(system_id):
        return []
    return [name for suffix in SUFFIXES if os.path.lexists(folder / (name := system_id + suffix))]


def well_named(system_id: str, names: list[str]) -> list[str]:
    """Return those of a system's files whose name is the id, letter for letter."""
    return [name for name in names if SYSTEM_ID.fullmatch(system_id) and name.startswith(f"{system_id}.")]


def read_content(path: Path) -> bytes:
    """Return a file's bytes. Raises CatalogError where it is no readable file of reasonable size."""
    try:
        # Not blocking: a pipe of that name would otherwise wait for a writer for ever.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _unreadable(path, "this is no regular file", "put a YAML file here")
            content = file.read(LARGEST_BYTES + 1)
    except OSError as e:
        what = f"the file cannot be read: {e.strerror}"
        raise _unreadable(path, what, "make it a file that this user may read") from e
    if len(content) > LARGEST_BYTES:
        what = f"the file is larger than {LARGEST_BYTES:,} bytes"
        raise _unreadable(path, what, "describe one system in a file")
    return content


def _unreadable(path: Path, what: str, fix: str) -> CatalogError:
    return CatalogError([Problem(str(path), *START, "", what, fix)])


def name_problems(path: Path) -> Iterator[Problem]:
    """Yield a problem if the file's name is no id of a system."""
    if path.suffix not in SUFFIXES or not SYSTEM_ID.fullmatch(path.stem):
        what = f"the file's name {path.name!r} gives no system id"
        fix = "name it in lower-case letters, digits and hyphens, ending in .yaml"
        yield Problem(str(path), *START, "", what, fix)
    elif path.stem == SUITE and path.parent.absolute() != suite_folder().absolute():
        what, fix = f"{SUITE!r} is the suite itself", f"name the system otherwise, or edit {suite_folder()}"
        yield Problem(str(path), *START, "", what, fix)


def same_name_problems(folder: Path, names: list[str]) -> Iterator[Problem]:
    """Yield a problem for each file if there are several for one system."""
    if len(names) > 1:
        for name in names:
            others = " and ".join(other for other in names if other != name)
            what = f"two systems of one name: {others} would be the same system"
            yield Problem(str(folder / name), *START, "", what, "keep one file or rename the other")
