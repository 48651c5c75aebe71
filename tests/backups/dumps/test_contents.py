"""Rows are counted right, however the stream is cut into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upkeep.backups.dumps.contents import PostgresArchive, SqlText
from upkeep.clients.aws.multipart import MIB, MOST_PARTS, part_bytes
from upkeep.errors import BadAnswer

HEAD = b"-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB\n--\n-- Host: h    Database: shop\n"
END = b"\n-- Dump completed on 2026-03-01\n"
names = st.text(min_size=1, max_size=64).filter(lambda name: "\n" not in name and "\0" not in name)


def table(name: str, rows: int, width: int) -> bytes:
    quoted = name.replace("`", "``").encode()
    lines = b",\n".join(b"(%d,'" % n + b"x\\n(" * width + b"')" for n in range(rows))
    insert = b"INSERT INTO `" + quoted + b"` VALUES\n" + lines + b";\n" if rows else b""
    trigger = b"CREATE TRIGGER t\n(not a row)\n"
    return b"\nLOCK TABLES `" + quoted + b"` WRITE;\n" + insert + b"UNLOCK TABLES;\n" + trigger


@given(
    st.dictionaries(names, st.tuples(st.integers(0, 6), st.integers(0, 200)), max_size=4),
    st.lists(st.integers(1, 700), min_size=1, max_size=8),
)
def test_rows_by_table(tables, sizes):
    text = HEAD + b"".join(table(name, *shape) for name, shape in tables.items()) + END
    seen, at, number = SqlText(), 0, 0
    while at < len(text):
        size = sizes[number % len(sizes)]
        seen.write(text[at : at + size])
        at, number = at + size, number + 1
    seen.close()
    assert seen.rows == {name: rows for name, (rows, _) in tables.items()}
    assert seen.database == "shop"


def test_a_dump_without_its_end():
    seen = SqlText()
    seen.write(HEAD + table("a", 3, 1))
    with pytest.raises(BadAnswer, match="no end"):
        seen.close()


def test_mysqls_own_program_shows_no_rows():
    seen = SqlText()
    seen.write(b"-- MySQL dump 8.0\n\nLOCK TABLES `a` WRITE;\nINSERT INTO `a` VALUES (1),(2);\n" + END)
    seen.close()
    assert seen.rows is None


@pytest.mark.parametrize("head", [b"", b"PGDMP", b"PGDMP" + b"\0" * 100, b"x" * 1000])
def test_what_is_no_archive(head):
    seen = PostgresArchive()
    seen.write(head)
    with pytest.raises(BadAnswer, match="not an archive"):
        seen.close()


@given(st.integers(1, MOST_PARTS))
def test_parts_are_within_what_s3_takes(number):
    assert 5 * MIB <= part_bytes(number) <= 64 * MIB
    assert part_bytes(number) <= part_bytes(min(number + 1, MOST_PARTS))
    assert sum(part_bytes(n) for n in range(1, MOST_PARTS + 1)) > 500 * 10**9
