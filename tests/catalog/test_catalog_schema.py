"""The JSON Schema for editors, and starters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from upkeep.catalog.check import check_file
from upkeep.catalog.places import INCLUDE
from upkeep.catalog.problems import errors
from upkeep.catalog.schema import FILE_NAME, catalog_schema, schema_text
from upkeep.catalog.starter import starter_text, write_starter
from upkeep.checks.registry import kinds
from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from conftest import Folder


def load(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def test_the_schema_in_the_repository_is_current() -> None:
    written = (INCLUDE / "systems" / FILE_NAME).read_text(encoding="utf-8")
    assert written == schema_text(), "run `upkeep catalog schema`"


def test_the_schema_is_valid_and_accepts_a_starter() -> None:
    schema = catalog_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(load(starter_text("shop")), schema, jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    "change",
    [
        ("    owner: oncall\n", "    ownr: oncall\n"),
        ("cadence: daily", "cadence: hourly"),
        ("kind: dashboards}", "kind: dashbords}"),
        ("parameters: {metrics: [error_ratio]}", "parameters: {metric: [error_ratio]}"),
    ],
)
def test_the_schema_refuses_what_editors_should_mark(change: tuple[str, str]) -> None:
    spoilt = load(starter_text("shop").replace(*change))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(spoilt, catalog_schema(), jsonschema.Draft202012Validator)


def test_the_schema_explains_keys_and_kinds() -> None:
    definitions = json.loads(schema_text())["$defs"]
    assert (
        definitions["Routine"]["properties"]["deadline_minutes"]["description"]
        == "Counted from the run's due time."
    )
    offered = definitions["ProcedureUse"]["properties"]["kind"]["oneOf"]
    assert [kind["const"] for kind in offered] == list(kinds())
    assert all(kind["description"] for kind in offered)


@pytest.mark.parametrize("name", ["shop", "my-shop", "a", "7", "-", "shop-2"])
def test_a_starter_passes_the_check(folder: Folder, name: str) -> None:
    path = write_starter(folder.path, name)
    system, problems = check_file(path)
    assert system is not None
    assert errors(problems) == []
    assert path.read_text().startswith(f"# yaml-language-server: $schema={FILE_NAME}\n")
    assert "my-system" not in path.read_text().replace(name, "")


def test_a_starter_replaces_no_file(folder: Folder) -> None:
    for suffix in (".yaml", ".yml"):
        path = folder.path / f"shop{suffix}"
        path.write_text("mine")
        with pytest.raises(
            ConfigurationError, match=r"exists already; choose another name or edit that file"
        ):
            write_starter(folder.path, "shop")
        assert path.read_text() == "mine"
        path.unlink()


@pytest.mark.parametrize("name", ["Shop", "my_shop", "", "../shop", "shop.yaml", "läden", "x" * 101])
def test_a_starter_needs_a_name_that_is_an_id(folder: Folder, name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be a system's id; write lower-case letters"):
        write_starter(folder.path, name)
    assert list(folder.path.iterdir()) == []


def test_a_starter_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written: No such file or directory"):
        write_starter(tmp_path / "none", "shop")
