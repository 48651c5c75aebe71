"""A mistake in a system's file: where it is, what is wrong, what would be right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from upkeep.errors import ConfigurationError

Level = Literal["error", "warning"]


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake. Lines and columns count from 1; an empty path is the file as a whole.

    An error keeps the file out of force, a warning does not.
    """

    file: str
    line: int
    column: int
    path: str
    what: str
    fix: str = ""
    level: Level = "error"

    def __str__(self) -> str:
        text = f"{self.what}, {self.fix}" if self.fix else self.what
        mark = " (warning)" if self.level == "warning" else ""
        return f"{self.file}:{self.line}:{self.column}: {self.path or 'the file'}: {text}{mark}"


class CatalogError(ConfigurationError):
    """Files of the catalog are wrong; the message has a line for each mistake, file and line first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(map(str, self.problems)))


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems that keep a file out of force."""
    return [problem for problem in problems if problem.level == "error"]


def suggest(name: object, known: Iterable[str], noun: str) -> str:
    """Return what to write instead of `name`: the closest of the known names, and all of them.

    >>> suggest("ownr", ["owner", "title"], "keys")
    "did you mean 'owner'? Known keys: owner, title"
    >>> suggest("x", [], "owners")
    'no owners are defined'
    """
    names = list(dict.fromkeys(known))
    if not names:
        return f"no {noun} are defined"
    close = get_close_matches(str(name), names, n=1)
    listed = f"nown {noun}: {', '.join(names)}"
    return f"did you mean {close[0]!r}? K{listed}" if close else f"k{listed}"
