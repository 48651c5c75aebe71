"""What the models expect at a place, read from their JSON Schema: known keys, kinds of values, meaning."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from upkeep.catalog.positions import Path

Node = Mapping[str, Any]
_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}


class Shape:
    """A model's schema, asked by path."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._schema: Node = model.model_json_schema()

    def keys(self, data: Any, path: Path) -> list[str]:
        """Return the keys that a mapping at `path` may have, none where any name will do."""
        return list(self._at(data, path).get("properties", {}))

    def expected(self, data: Any, path: Path) -> str:
        """Return what to write at `path`, in words: `a whole number`, `one of daily, weekly`."""
        return " or ".join(dict.fromkeys(self._words(self._at(data, path)))) or "another value"

    def meaning(self, data: Any, path: Path) -> str:
        """Return what the value at `path` is for, without the full stop; empty if nobody said."""
        parent = self._at(data, path[:-1]).get("properties", {})
        text = str(parent.get(path[-1], {}).get("description") or "")
        return text.split("\n\n", maxsplit=1)[0].replace("\n", " ").rstrip(".")

    def _at(self, data: Any, path: Path) -> Node:
        node = self._chosen(self._schema, data)
        for part in path:
            node = self._below(node, part)
            try:
                data = data[part]
            except (KeyError, IndexError, TypeError):
                data = None
            node = self._chosen(node, data)
        return node

    def _below(self, node: Node, part: str | int) -> Node:
        if isinstance(part, int):
            return _node(node.get("items"))
        if part in node.get("properties", {}):
            return _node(node["properties"][part])
        for pattern, below in node.get("patternProperties", {}).items():
            if re.search(pattern, part):
                return _node(below)
        return _node(node.get("additionalProperties"))

    def _chosen(self, node: Node, data: Any) -> Node:
        """Follow references, and of alternatives take the one that the data means."""
        while True:
            if "$ref" in node:
                node = self._referred(node)
            elif discriminator := node.get("discriminator"):
                kind = data.get(discriminator["propertyName"]) if isinstance(data, Mapping) else None
                mapping = discriminator["mapping"]
                if not isinstance(kind, str) or kind not in mapping:
                    return node
                node = {"$ref": mapping[kind]}
            elif "anyOf" in node and len(some := [a for a in node["anyOf"] if a.get("type") != "null"]) == 1:
                node = _node(some[0])
            else:
                return node

    def _referred(self, node: Node) -> Node:
        return _node(self._schema["$defs"][str(node["$ref"]).rsplit("/", 1)[1]])

    def _words(self, node: Node) -> list[str]:
        if "$ref" in node:
            return self._words(self._referred(node))
        if choices := node.get("enum"):
            return [f"one of {', '.join(map(str, choices))}"]
        if "const" in node:
            return [str(node["const"])]
        alternatives = [*node.get("anyOf", []), *node.get("oneOf", [])]
        if alternatives:
            return [word for alternative in alternatives for word in self._words(alternative)]
        word = _WORDS.get(str(node.get("type")))
        return [word] if word else []


@cache
def shape_of(model: type[BaseModel]) -> Shape:
    """Return the model's shape, made once."""
    return Shape(model)


def _node(value: Any) -> Node:
    return value if isinstance(value, Mapping) else {}
