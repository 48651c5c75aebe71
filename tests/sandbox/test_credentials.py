from __future__ import annotations

import json
from pathlib import Path

from sandbox.credentials import credentials, write_private


def test_passwords_are_made_once(tmp_path: Path) -> None:
    file, first = credentials(tmp_path, "db", ("a", "b"))
    assert len(set(first.values())) == 2
    assert all(len(word) >= 20 and word.isascii() for word in first.values())
    again_file, again = credentials(tmp_path, "db", ("b", "c"))
    assert again_file == file
    assert again["b"] == first["b"]
    assert json.loads(file.read_text()) == again


def test_only_the_owner_may_read_them(tmp_path: Path) -> None:
    file, _ = credentials(tmp_path, "db", ("a",))
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_file_that_was_open_to_all_becomes_private(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("old")
    file.chmod(0o644)
    write_private(file, "new")
    assert file.read_text() == "new"
    assert file.stat().st_mode & 0o777 == 0o600
