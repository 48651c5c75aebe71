"""Whatever happens to a good file, checking it ends in a system or in problems with places."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from upkeep.catalog.check import check_content
from upkeep.catalog.compiling import compile_content
from upkeep.catalog.problems import errors
from upkeep.catalog.starter import starter_text
from upkeep.catalog.store import Broken

PATH = Path("shop.yaml")
TEXT = starter_text("shop")
DATA = YAML(typ="safe", pure=True).load(TEXT)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["UTC", "0 9 * * *", "1 %", "oncall", "shop/daily/x", "metrics", "up", "P0", "/"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = (
        list(value.items() if isinstance(value, dict) else enumerate(value))
        if isinstance(value, dict | list)
        else []
    )
    return [path, *(deeper for step, inner in below for deeper in paths(inner, (*path, step)))]


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


def check(content: bytes) -> None:
    system, problems = check_content(PATH, content)
    lines = content.decode("utf-8", "replace").count("\n") + 2
    for problem in problems:
        assert 1 <= problem.line <= lines
        assert problem.column >= 1
        assert problem.what
        str(problem).encode()
    assert system is not None or errors(problems)
    compiled = compile_content(PATH, content, "code")
    assert isinstance(compiled, Broken) == bool(errors(problems))
    assert compiled.problems == problems
    msgspec.json.encode(compiled)


@settings(max_examples=300)
@given(st.sampled_from(paths(DATA)), values)
def test_any_value_anywhere(path: tuple[Any, ...], value: Any) -> None:
    check(json.dumps(put(DATA, path, value), indent=1, ensure_ascii=False).encode("utf-8", "replace"))


@settings(max_examples=150)
@given(
    st.sampled_from([path for path in paths(DATA) if path and isinstance(path[-1], str)]), st.text(max_size=8)
)
def test_any_name_for_any_key(path: tuple[Any, ...], name: str) -> None:
    parent = DATA
    for step in path[:-1]:
        parent = parent[step]
    renamed = {name if key == path[-1] else key: value for key, value in parent.items()}
    check(json.dumps(put(DATA, path[:-1], renamed), indent=1).encode())


@settings(max_examples=150)
@given(st.integers(0, len(TEXT)), st.integers(0, 40), st.text(max_size=6))
def test_any_text_in_any_place(start: int, length: int, text: str) -> None:
    check((TEXT[:start] + text + TEXT[start + length :]).encode("utf-8", "replace"))
