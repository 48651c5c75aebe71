"""Says what pydantic found wrong in sentences of an operator, each with its place in the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from upkeep.catalog.models import base
from upkeep.catalog.positions import Path
from upkeep.catalog.problems import Problem, suggest
from upkeep.catalog.read import Document
from upkeep.catalog.shapes import Shape, shape_of
from upkeep.errors import excerpt

_FORMS = {
    get_args(form)[1].pattern: words
    for form, words in (
        (base.Name, "lower-case letters, digits and underscores, beginning with a letter"),
        (base.ProcedureId, "system/topic/procedure in lower-case letters, digits and hyphens"),
        (base.ConnectionId, "the id of an Airflow connection, such as quikapp_mysql"),
        (base.Email, "an address such as sre@example.com"),
        (base.Url, "a link that begins with https:// or http://"),
    )
}

Context = Mapping[str, Any]
_SENTENCES: dict[str, Callable[[str, Context], tuple[str, str]]] = {
    "greater_than": lambda shown, c: (f"{shown} is too small", f"write a number above {c['gt']:g}"),
    "greater_than_equal": lambda shown, c: (f"{shown} is too small", f"write {c['ge']:g} or more"),
    "less_than": lambda shown, c: (f"{shown} is too large", f"write a number below {c['lt']:g}"),
    "less_than_equal": lambda shown, c: (f"{shown} is too large", f"write {c['le']:g} or less"),
    "string_pattern_mismatch": lambda shown, c: (
        f"{shown} has not the right form",
        f"write {_FORMS.get(str(c['pattern']), 'text of the form ' + str(c['pattern']))}",
    ),
    "too_short": lambda shown, c: (f"{shown} has too few entries", f"give at least {c['min_length']}"),
    "string_too_short": lambda shown, c: (
        f"{shown} is too short",
        f"write at least {c['min_length']} letters",
    ),
    "int_from_float": lambda shown, _: (f"{shown} is no whole number", "write a whole number"),
}
"""Pydantic's kind of error → what is wrong and what would be right."""


def problems_of(
    error: ValidationError, document: Document, model: type[BaseModel], at: Path = ()
) -> list[Problem]:
    """Return a problem for each of pydantic's errors about the part of the document at `at`."""
    part = document.data
    for step in at:
        part = part[step]
    translator = _Translator(document, shape_of(model), part, at)
    return [translator.problem(details) for details in error.errors(include_url=False)]


class _Translator:
    def __init__(self, document: Document, shape: Shape, part: Any, at: Path) -> None:
        self._document, self._shape, self._part, self._at = document, shape, part, at

    def problem(self, error: ErrorDetails) -> Problem:
        path, absent, of_key = _located(self._part, error["loc"])
        kind = error["type"]
        if kind == "missing" and absent is not None:
            return self._missing(path, absent)
        if kind == "union_tag_not_found":
            return self._missing(path, str(error["ctx"]["discriminator"]).strip("'"))
        if kind == "union_tag_invalid":
            return self._unknown_kind(path, error["ctx"])
        if kind == "extra_forbidden":
            return self._unknown_key(path)
        if kind in ("value_error", "assertion_error"):
            return self._refused(path, str(error["ctx"]["error"]))
        what, fix = self._value(path, error, of_key=of_key)
        return self._document.problem((*self._at, *path), what, fix, at_key=of_key)

    def _missing(self, path: Path, key: str) -> Problem:
        below = (*path, key)
        meaning = self._shape.meaning(self._part, below)
        fix = f"add it: {self._shape.expected(self._part, below)}" + (f" ({meaning})" if meaning else "")
        return self._document.problem((*self._at, *path), f"the key {key!r} is missing", fix, at_key=True)

    def _unknown_key(self, path: Path) -> Problem:
        known = self._shape.keys(self._part, path[:-1])
        fix = suggest(path[-1], known, "keys")
        return self._document.problem((*self._at, *path), f"unknown key {path[-1]!r}", fix, at_key=True)

    def _unknown_kind(self, path: Path, context: Context) -> Problem:
        below = (*self._at, *path, str(context["discriminator"]).strip("'"))
        what = f"{_shown(context['tag'])} is not allowed here"
        return self._document.problem(below, what, _choices(context["tag"], context))

    def _refused(self, path: Path, message: str) -> Problem:
        """A sentence of a model's own; it speaks of a whole entry, so find the value that it quotes."""
        what, _, fix = message.partition("; ")
        value = _at(self._part, path)
        if isinstance(value, dict | list):
            quoted = re.search(r"'([^']+)'", message)
            below = next(_places(value, quoted[1]), None) if quoted else None
            full = (*self._at, *path, *(below or ()))
            return self._document.problem(full, excerpt(what, 400), fix, at_key=below is None)
        return self._document.problem((*self._at, *path), excerpt(what, 400), fix)

    def _value(self, path: Path, error: ErrorDetails, *, of_key: bool) -> tuple[str, str]:
        kind = error["type"]
        value = path[-1] if of_key else error["input"]
        expected = self._shape.expected(self._part, path)
        if sentence := _SENTENCES.get(kind):
            return sentence(_shown(value), error.get("ctx", {}))
        if kind in ("literal_error", "enum"):
            return f"{_shown(value)} is not allowed here", _choices(value, error.get("ctx", {}))
        if kind.startswith("date"):
            return f"{_shown(value)} is no date", "write year-month-day, such as 2026-01-31"
        if kind.endswith(("_type", "_parsing", "_key")):
            return _mistyped(value, expected)
        return f"{_shown(value)} cannot be used: {error['msg']}", f"write {expected}"


def _located(part: Any, location: tuple[str | int, ...]) -> tuple[Path, str | None, bool]:
    """Return the path of an error, a key that is missing there, and whether it speaks of the key itself.

    Pydantic adds the chosen kind of an alternative to its location; the file has no such step.
    """
    path: Path = ()
    for index, step in enumerate(location):
        last = index == len(location) - 1
        if step == "[key]" and last:
            return path, None, True
        if _has(part, step):
            path, part = (*path, step), part[step]
        elif last:
            return path, str(step), False
    return path, None, False


def _has(part: Any, step: str | int) -> bool:
    if isinstance(part, list):
        return isinstance(step, int) and step < len(part)
    return isinstance(part, Mapping) and step in part


def _at(part: Any, path: Path) -> Any:
    for step in path:
        part = part[step]
    return part


def _places(value: Any, text: str) -> Iterator[Path]:
    """Yield the paths below `value` where exactly `text` stands."""
    items: Any = value.items() if isinstance(value, Mapping) else enumerate(value)
    for step, below in items:
        if below == text:
            yield (step,)
        elif isinstance(below, dict | list):
            yield from ((step, *path) for path in _places(below, text))


def _choices(value: Any, context: Context) -> str:
    listed = str(context.get("expected") or context.get("expected_tags") or "")
    names = re.findall(r"'([^']*)'", listed)
    close = get_close_matches(str(value), names, n=1)
    hint = f"did you mean {close[0]!r}? Write " if close else "write "
    return f"{hint}one of {', '.join(names)}" if len(names) > 1 else f"write {listed.strip(chr(39))}"


_NAMED: tuple[tuple[type | tuple[type, ...], Callable[[Any], str]], ...] = (
    (bool, lambda value: f"{str(value).lower()} is true or false"),
    ((int, float), lambda value: f"{value} is a number"),
    (str, lambda value: f"{_shown(value)} is text"),
    (dict, lambda _: "this is a mapping"),
    (list, lambda _: "this is a list"),
)


def _mistyped(value: Any, expected: str) -> tuple[str, str]:
    if value is None:
        return "the value is empty", f"write {expected}, or leave the key out"
    words = next((words(value) for kind, words in _NAMED if isinstance(value, kind)), f"{value} is wrong")
    quoted = ", in quotes" if expected == "text" and not isinstance(value, dict | list) else ""
    return words, f"write {expected}{quoted}"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return repr(excerpt(value, 60))
    if value is None:
        return "an empty value"
    if isinstance(value, dict | list):
        return "the mapping" if isinstance(value, dict) else "the list"
    return str(value).lower() if isinstance(value, bool) else str(value)
