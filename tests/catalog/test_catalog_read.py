"""Reading YAML: plain data with positions, and a sentence for every way in which a file can be broken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upkeep.catalog.files import LARGEST_BYTES, read_content
from upkeep.catalog.positions import Position, format_path
from upkeep.catalog.problems import CatalogError, Problem
from upkeep.catalog.read import parse


def complaint(content: str | bytes) -> str:
    with pytest.raises(CatalogError) as caught:
        parse("a.yaml", content.encode() if isinstance(content, str) else content)
    return str(caught.value)


def test_values_are_read_by_the_rules_of_yaml_1_2() -> None:
    text = "a: yes\nb: 010\nc: 0o17\nd: 0x1F\ne: 1e3\nf: 2026-01-31\ng: ~\nh: TRUE\ni: 1:30\nj: 1_000\n"
    assert parse("a.yaml", text.encode()).data == {
        "a": "yes",
        "b": 10,
        "c": 15,
        "d": 31,
        "e": 1000.0,
        "f": "2026-01-31",
        "g": None,
        "h": True,
        "i": "1:30",
        "j": 1000,
    }


def test_every_key_and_value_has_its_position() -> None:
    document = parse("a.yaml", b"# comment\na:\n  b: [1, {c: x}]\n")
    assert document.positions.key(("a",)) == Position(2, 1)
    assert document.positions.key(("a", "b")) == Position(3, 3)
    assert document.positions.value(("a", "b", 0)) == Position(3, 7)
    assert document.positions.value(("a", "b", 1, "c")) == Position(3, 14)
    # What is not there is looked for at its nearest parent.
    assert document.positions.key(("a", "b", 1, "none", "deeper")) == Position(3, 10)


def test_an_alias_stands_for_its_anchor() -> None:
    assert parse("a.yaml", b"a: &x [1, 2]\nb: *x\n").data == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "a: [1",
            "a.yaml:1:6: the file: this is not YAML: while parsing a flow sequence expected ',' or ']', "
            "but got '<stream end>', correct the indentation or close what is open",
        ),
        (
            "a: b: c",
            "a.yaml:1:5: the file: this is not YAML: mapping values are not allowed here, "
            "put a value that contains ': ' in quotes, and indent keys alike",
        ),
        (
            "a:\n\t- b",
            "a.yaml:2:1: the file: this is not YAML: while scanning for the next token found character "
            "'\\t' that cannot start any token, indent with spaces, not tabs",
        ),
        (
            "a: 'x",
            "a.yaml:1:6: the file: this is not YAML: while scanning a quoted scalar "
            "found unexpected end of stream, close the quotes",
        ),
        (
            "a: *b",
            "a.yaml:1:4: the file: this is not YAML: found undefined alias 'b', "
            "put a value that begins with * in quotes",
        ),
        (
            "a: 1\n---\nb: 2",
            "a.yaml:2:1: the file: this is not YAML: expected a single document in the stream "
            "but found another document, describe one system in a file",
        ),
        (
            "a: 1\nb: 2\na: 3",
            "a.yaml:3:1: a: the key 'a' is given twice, first in line 1, keep one of the two",
        ),
        ("", "a.yaml:1:1: the file: the file is empty, begin with `upkeep catalog new NAME`"),
        ("# nothing", "a.yaml:1:1: the file: the file is empty, begin with `upkeep catalog new NAME`"),
        (b"a: \xff", "a.yaml:1:4: the file: the file is not UTF-8, save it as UTF-8"),
        (
            "a: x\nb: \x01",
            "a.yaml:2:4: the file: this is not YAML: the character U+0001 is not allowed, remove it",
        ),
        ("a: .inf", "a.yaml:1:4: a: .inf cannot be used, write a number of ordinary size"),
        (
            "a: !!python/object:os.system x",
            "a.yaml:1:4: a: the tag tag:yaml.org,2002:python/object:os.system is not allowed, "
            "write plain text, numbers, lists and mappings",
        ),
        ("1: x", "a.yaml:1:1: the file: the key 1 is no text, put it in quotes"),
        ("a: &x [*x]", "a.yaml:1:4: a[0]: the value contains itself, write it without an alias"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(content: str | bytes, message: str) -> None:
    assert complaint(content) == message


def test_all_mistakes_of_a_file_are_said_at_once() -> None:
    assert len(complaint("a: .nan\nb: !x y\nb: 1\n").splitlines()) == 3


@pytest.mark.parametrize("content", ["[" * 100_000, "{a: " * 50_000, "- " * 5_000])
def test_deep_nesting_is_refused(content: str) -> None:
    assert "nested too deeply" in complaint(content)


def test_anchors_cannot_make_a_short_file_enormous() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "more than 100,000 values" in complaint("\n".join(lines))


def test_aliases_cannot_nest_without_end() -> None:
    lines = ["a0: &a0 x", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 200))]
    assert "nested too deeply" in complaint("\n".join(lines))


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_no_content_is_anything_but_data_or_problems(content: str | bytes) -> None:
    problems: list[Problem] = []
    try:
        parse("a.yaml", content.encode("utf-8", "replace") if isinstance(content, str) else content)
    except CatalogError as e:
        problems = e.problems
    assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)


def test_a_file_must_be_a_readable_regular_file_of_reasonable_size(tmp_path: Path) -> None:
    large, pipe, link = tmp_path / "large.yaml", tmp_path / "pipe.yaml", tmp_path / "link.yaml"
    large.write_bytes(b"#" * (LARGEST_BYTES + 1))
    os.mkfifo(pipe)
    link.symlink_to(tmp_path / "nowhere")
    for path, reason in [
        (large, "the file is larger than 1,048,576 bytes"),
        (pipe, "this is no regular file"),
        (tmp_path, "cannot be read: Is a directory"),
        (link, "cannot be read: No such file or directory"),
    ]:
        with pytest.raises(CatalogError, match=reason):
            read_content(path)


def test_paths_are_written_as_people_read_them() -> None:
    assert format_path(()) == ""
    assert format_path(("alerts", "High Error", 2, "for")) == "alerts['High Error'][2].for"
