"""Reads YAML (1.2) into plain data and remembers where everything stands.

Plain data is what JSON can hold: mappings with text keys, lists, text, numbers, true, false, null. A
date stays text. Whatever else YAML offers (tags, infinity, binary) is refused, and so is a key given twice.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode
from ruamel.yaml.reader import ReaderError

from upkeep.catalog.positions import START, Path, Position, Positions, format_path
from upkeep.catalog.problems import CatalogError, Problem
from upkeep.errors import excerpt

MOST_VALUES = 100_000
"""Anchors can make a short file enormous."""

DEEPEST = 40
"""Levels of nesting; a system's file has about eight."""

_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = {"str", "timestamp", "int", "float", "bool", "null", "map", "seq"}
_WRITE_SIMPLY = "write plain text, numbers, lists and mappings"


@dataclass(frozen=True)
class Document:
    """A file's data, and where each key and value stands."""

    file: str
    data: Any
    positions: Positions

    def problem(self, path: Path, what: str, fix: str, *, at_key: bool = False) -> Problem:
        """Return an error at the value of `path`, or at its key."""
        line, column = self.positions.key(path) if at_key else self.positions.value(path)
        return Problem(self.file, line, column, format_path(path), what, fix)


def parse(file: str, content: bytes) -> Document:
    """Return the content's data with positions. Raises CatalogError with every mistake of the YAML."""
    node = _compose(file, content)
    if node is None:
        raise _broken(file, START, "the file is empty", "begin with `upkeep catalog new NAME`")
    builder = _Builder(file)
    data = builder.build(node, ())
    if builder.problems:
        raise CatalogError(builder.problems)
    return Document(file, data, builder.positions)


def _compose(file: str, content: bytes) -> Node | None:
    text = _decode(file, content)
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False
    try:
        return yaml.compose(io.StringIO(text))  # type: ignore[no-any-return]
    except MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        place = Position(mark.line + 1, mark.column + 1) if mark else START
        raise _broken(file, place, f"this is not YAML: {_reason(e)}", _cure(str(e.problem))) from e
    except ReaderError as e:
        what = f"this is not YAML: the character U+{ord(text[e.position]):04X} is not allowed"
        raise _broken(file, _place(text, e.position), what, "remove it") from e
    except RecursionError as e:
        raise _broken(file, START, "the values are nested too deeply", _WRITE_SIMPLY) from e
    except (YAMLError, ValueError, TypeError, LookupError, AttributeError, AssertionError) as e:
        # What the YAML library itself trips over is a mistake in the file all the same.
        what = f"this is not YAML: {excerpt(str(e)) or type(e).__name__}"
        raise _broken(file, START, what, _WRITE_SIMPLY) from e


def _decode(file: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        place = _place(content[: e.start].decode("utf-8", "replace"), None)
        raise _broken(file, place, "the file is not UTF-8", "save it as UTF-8") from e


def _place(text: str, index: int | None) -> Position:
    before = text[:index]
    return Position(before.count("\n") + 1, len(before) - before.rfind("\n"))


def _reason(error: MarkedYAMLError) -> str:
    return excerpt(" ".join(str(part) for part in (error.context, error.problem) if part))


_CURES = {
    "\\t": "indent with spaces, not tabs",
    "mapping values are not allowed": "put a value that contains ': ' in quotes, and indent keys alike",
    "unexpected end of stream": "close the quotes",
    "another document": "describe one system in a file",
    "undefined alias": "put a value that begins with * in quotes",
    "cannot start any token": "put the value in quotes",
}
"""What YAML's own message contains → what to do."""


def _cure(problem: str) -> str:
    known = (cure for words, cure in _CURES.items() if words in problem)
    return next(known, "correct the indentation or close what is open")


def _broken(file: str, place: Position, what: str, fix: str) -> CatalogError:
    return CatalogError([Problem(file, place.line, place.column, "", what, fix)])


class _Builder:
    """Turns nodes into data, noting positions and mistakes on the way."""

    def __init__(self, file: str) -> None:
        self.positions = Positions()
        self.problems: list[Problem] = []
        self._file = file
        self._open: set[int] = set()
        self._values = 0

    def build(self, node: Node, path: Path) -> Any:
        """Return the node's data; what cannot be had is None and a problem."""
        self._values += 1
        if self._values > MOST_VALUES:
            what = f"the file has more than {MOST_VALUES:,} values"
            raise _broken(
                self._file, _mark(node), what, "describe one system in a file, without nested anchors"
            )
        if len(path) > DEEPEST:
            raise _broken(self._file, _mark(node), "the values are nested too deeply", _WRITE_SIMPLY)
        self.positions.values[path] = _mark(node)
        tag = str(node.tag)
        if not tag.startswith(_TAG) or tag.removeprefix(_TAG) not in _PLAIN_TAGS:
            return self._refuse(node, path, f"the tag {excerpt(tag)} is not allowed", _WRITE_SIMPLY)
        if isinstance(node, ScalarNode):
            return self._scalar(node, path, tag.removeprefix(_TAG))
        if id(node) in self._open:
            return self._refuse(node, path, "the value contains itself", "write it without an alias")
        self._open.add(id(node))
        data: Any = self._mapping(node, path) if isinstance(node, MappingNode) else self._sequence(node, path)
        self._open.discard(id(node))
        return data

    def _sequence(self, node: Node, path: Path) -> list[Any]:
        return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: Node, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode) or key_node.tag not in (f"{_TAG}str", f"{_TAG}timestamp"):
                self._refuse(key_node, path, f"the key {_shown(key_node)} is no text", "put it in quotes")
                continue
            key = str(key_node.value)
            below = (*path, key)
            if key in data:
                first = self.positions.keys[below].line
                what = f"the key {key!r} is given twice, first in line {first}"
                self._refuse(key_node, below, what, "keep one of the two")
                continue
            self.positions.keys[below] = _mark(key_node)
            data[key] = self.build(value_node, below)
            if value_node.value == "":  # an empty value begins where the next key does
                self.positions.values[below] = _mark(key_node)
        return data

    def _scalar(self, node: ScalarNode, path: Path, tag: str) -> Any:
        text = str(node.value)
        if tag in ("str", "timestamp"):
            return text
        if tag == "null":
            return None
        if tag == "bool" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if tag in ("int", "float") and (number := _number(text, tag)) is not None:
            return number
        fix = "write a number of ordinary size" if tag in ("int", "float") else "write true or false"
        return self._refuse(node, path, f"{excerpt(text, 40)} cannot be used", fix)

    def _refuse(self, node: Node, path: Path, what: str, fix: str) -> None:
        line, column = _mark(node)
        self.problems.append(Problem(self._file, line, column, format_path(path), what, fix))


def _number(text: str, tag: str) -> int | float | None:
    """Return a number that every reader of the catalog can hold, or None."""
    plain = text.replace("_", "")
    try:
        if tag == "float":
            number = float(plain)
            return number if abs(number) < 1e300 else None
        based = re.fullmatch(r"([+-]?)0[oxb][0-9a-fA-F]+", plain)
        whole = int(plain, 0) if based else int(plain)
        return whole if abs(whole) < 2**63 else None
    except ValueError:
        return None


def _mark(node: Node) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


def _shown(node: Node) -> str:
    return excerpt(str(node.value), 40) if isinstance(node, ScalarNode) else "made of a mapping or list"
