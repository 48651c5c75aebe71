"""The suite's own people and chain: not a system, but never without somebody to tell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from upkeep.catalog.check import check_file
from upkeep.catalog.compiled import Catalog, suite_catalog
from upkeep.catalog.files import SUITE
from upkeep.catalog.places import INCLUDE
from upkeep.catalog.problems import errors
from upkeep.catalog.starter import write_starter
from upkeep.errors import ConfigurationError
from upkeep.incidents.chains import choose
from upkeep.incidents.subjects import OWN_SYSTEM

if TYPE_CHECKING:
    from conftest import Folder

SHIPPED = INCLUDE / "suite" / "upkeep.yaml"


@pytest.fixture
def own(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped file in a folder of the test's."""
    path = folder.path.parent / "suite"
    path.mkdir()
    (path / "upkeep.yaml").write_bytes(SHIPPED.read_bytes())
    monkeypatch.setenv("UPKEEP_SUITE", str(path))
    return path / "upkeep.yaml"


def test_the_shipped_file_is_right_and_names_everybody_as_still_to_be_filled_in() -> None:
    system, problems = check_file(SHIPPED)

    assert errors(problems) == []
    assert system is not None
    assert {problem.path for problem in problems} == {f"owners.{name}" for name in system.owners}
    assert system.routines == []
    assert SUITE == OWN_SYSTEM


def test_any_catalog_knows_whom_to_tell_of_itself(folder: Folder) -> None:
    chain = choose(folder.catalog().system(SUITE), "catalog_broken", None, "P2")

    assert [level.owner for level in chain.levels] == ["operators", "platform_lead"]
    assert [level.fallback.email for level in chain.levels if level.fallback] == [
        "operators@upkeep.example", "platform-lead@upkeep.example",
    ]  # fmt: skip


def test_it_is_no_system_and_has_no_dag(folder: Folder) -> None:
    folder.add("shop")

    assert folder.catalog().system_ids() == ["shop"]
    assert {plan.system for plan in folder.catalog().plans()} == {"shop"}
    assert list(folder.catalog().plans(dag_id="upkeep_watchdog")) == []


def test_a_broken_file_leaves_the_last_good_version_in_force(own: Path, folder: Folder) -> None:
    before = folder.catalog().system(SUITE)
    own.write_text("owners: {")

    assert folder.catalog().system(SUITE) == before
    assert errors(suite_catalog(folder.cache).problems())


def test_without_the_file_it_says_where_it_should_be(own: Path, folder: Folder) -> None:
    own.unlink()

    with pytest.raises(ConfigurationError, match=f"no system 'upkeep' in {own.parent}"):
        folder.catalog().system(SUITE)


def test_no_system_may_take_its_name(folder: Folder) -> None:
    with pytest.raises(ConfigurationError, match="is the suite itself"):
        write_starter(folder.path, SUITE)
    (folder.path / "upkeep.yaml").write_bytes(SHIPPED.read_bytes())

    (wrong,) = errors(folder.catalog().problems())

    assert wrong.what == "'upkeep' is the suite itself"
    assert Catalog(folder.path, folder.cache).system_ids() == []
