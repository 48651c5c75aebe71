"""Choosing entries of the catalog by the names that a routine's parameters give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from upkeep.errors import ConfigurationError

Entry = TypeVar("Entry")


def choose(entries: Mapping[str, Entry], names: Sequence[str], what: str) -> dict[str, Entry]:
    """Return the entries named, in the catalog's order; all of them if no name is given.

    Raises ConfigurationError, with the known names, for a name that the catalog does not have, and if
    there is nothing to choose from.

    >>> choose({"a": 1, "b": 2}, ["b"], "metric")
    {'b': 2}
    """
    if wrong := [name for name in names if name not in entries]:
        known = ", ".join(entries) or "none"
        raise ConfigurationError(f"the catalog has no {what} {', '.join(wrong)}; it has: {known}")
    if not entries:
        raise ConfigurationError(f"the system's catalog file has no {what}; add one or drop the procedure")
    return {name: entry for name, entry in entries.items() if not names or name in names}
