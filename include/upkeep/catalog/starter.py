"""A commented file to begin a new system with."""

from __future__ import annotations

from pathlib import Path

from upkeep.catalog.files import SUFFIXES, SUITE, SYSTEM_ID
from upkeep.catalog.places import TEMPLATES
from upkeep.errors import ConfigurationError

_PLACEHOLDER_ID, _PLACEHOLDER_TITLE = "my-system", "My System"


def starter_text(system_id: str) -> str:
    """Return the starter for a system of that id."""
    text = (TEMPLATES / "starter.yaml").read_text(encoding="utf-8")
    title = system_id.replace("-", " ").strip().capitalize() or system_id
    connection = system_id.replace("-", "_")
    text = text.replace(_PLACEHOLDER_TITLE, title).replace(_PLACEHOLDER_ID.replace("-", "_"), connection)
    return text.replace(_PLACEHOLDER_ID, system_id)


def write_starter(folder: Path, system_id: str) -> Path:
    """Write the starter of a new system into the catalog's folder and return its path.

    Raises ConfigurationError for a name that is no id, or one that is taken.
    """
    if not SYSTEM_ID.fullmatch(system_id):
        raise ConfigurationError(
            f"{system_id!r} cannot be a system's id; write lower-case letters, digits and hyphens"
        )
    if system_id == SUITE:
        raise ConfigurationError(f"{SUITE!r} is the suite itself; choose another name")
    for suffix in SUFFIXES:
        if (taken := folder / f"{system_id}{suffix}").exists():
            raise ConfigurationError(f"{taken} exists already; choose another name or edit that file")
    path = folder / f"{system_id}.yaml"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(starter_text(system_id))
    except OSError as e:
        raise ConfigurationError(f"{path} cannot be written: {e.strerror}") from e
    return path
