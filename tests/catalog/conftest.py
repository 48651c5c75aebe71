"""A catalog in a temporary folder, made of starters that tests then spoil."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from upkeep.catalog.compiled import Catalog
from upkeep.catalog.starter import starter_text
from upkeep.checks import registry


@dataclass
class Folder:
    """A catalog's folder and its cache."""

    path: Path
    cache: Path

    def add(self, system_id: str, *changes: tuple[str, str], suffix: str = ".yaml") -> Path:
        """Write a starter with texts replaced; a text that is not there is a mistake of the test."""
        text = starter_text(system_id)
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        path = self.path / f"{system_id}{suffix}"
        path.write_text(text, encoding="utf-8")
        return path

    def catalog(self) -> Catalog:
        return Catalog(self.path, self.cache)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    path = tmp_path / "systems"
    path.mkdir()
    return Folder(path, tmp_path / "cache")


@pytest.fixture
def own_kinds() -> Iterator[None]:
    """Let a test register kinds; afterwards they are as before."""
    before = registry.kinds()
    yield
    registry._KINDS.clear()
    registry._KINDS.update(before)
