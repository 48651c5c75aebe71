"""Where in a file each key and value stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

Path = tuple[str | int, ...]
"""The way to a value through mappings and lists."""


class Position(NamedTuple):
    """A line and a column, both counted from 1."""

    line: int
    column: int


START = Position(1, 1)


@dataclass
class Positions:
    """The positions of a document's keys and values by their path."""

    keys: dict[Path, Position] = field(default_factory=dict)
    values: dict[Path, Position] = field(default_factory=dict)

    def key(self, path: Path) -> Position:
        """Return where the key stands, for a list's item where the item begins, else its nearest parent."""
        for length in range(len(path), 0, -1):
            nearest = path[:length]
            if nearest in self.keys:
                return self.keys[nearest]
            if nearest in self.values:
                return self.values[nearest]
        return self.values.get((), START)

    def value(self, path: Path) -> Position:
        """Return where the value begins, else its nearest parent's key."""
        return self.values[path] if path in self.values else self.key(path)


def format_path(path: Path) -> str:
    """Write a path as people read it.

    >>> format_path(("routines", 0, "procedures", 1, "also serves"))
    "routines[0].procedures[1]['also serves']"
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[\w-]+", part):
            text += f".{part}" if text else part
        else:
            text += f"[{part!r}]"
    return text
