"""Checks systems' files: the YAML, then the models, then what the entries say about each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from upkeep.catalog.files import name_problems, read_content, same_name_problems, system_files, well_named
from upkeep.catalog.models import System
from upkeep.catalog.problems import CatalogError, Problem, errors
from upkeep.catalog.read import Document, parse
from upkeep.catalog.references import check_references
from upkeep.catalog.translate import problems_of
from upkeep.catalog.uses import RoutineCheck
from upkeep.checks.registry import kinds


@dataclass
class CatalogCheck:
    """The systems of a folder whose files have no error, and all problems."""

    systems: dict[str, System] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def check_file(path: Path) -> tuple[System | None, list[Problem]]:
    """Return the file's system, None if it cannot be built, and everything that is wrong with it.

    A system may come with errors: it could be built, but what its entries say of each other is wrong.
    """
    try:
        return check_content(path, read_content(path))
    except CatalogError as e:
        return None, e.problems


def check_content(path: Path, content: bytes) -> tuple[System | None, list[Problem]]:
    """Do what `check_file` does with a content that has been read from `path`."""
    named_badly = list(name_problems(path))
    try:
        document = parse(str(path), content)
    except CatalogError as e:
        return None, sorted([*named_badly, *e.problems])
    try:
        system = System.model_validate(document.data)
    except ValidationError as e:
        return None, sorted([*named_badly, *problems_of(e, document, System)])
    return system, sorted([*named_badly, *_check_system(path.stem, system, document)])


def check_catalog(folder: Path) -> CatalogCheck:
    """Check all files of a folder. Raises ConfigurationError if it cannot be listed."""
    checked = CatalogCheck()
    for system_id, names in system_files(folder).items():
        checked.problems += same_name_problems(folder, names)
        for name in names:
            system, problems = check_file(folder / name)
            checked.problems += problems
            if system is not None and well_named(system_id, names) == [name] and not errors(problems):
                checked.systems[system_id] = system
    checked.problems.sort()
    return checked


def _check_system(system_id: str, system: System, document: Document) -> Iterator[Problem]:
    yield from check_references(system, document)
    for index, duty in enumerate(system.duties):
        if not duty.id.startswith(f"{system_id}/"):
            what = f"{duty.id!r} belongs to another system"
            yield document.problem(("duties", index, "id"), what, f"begin it with '{system_id}/'")
    yield from RoutineCheck(system_id, system, document, kinds()).problems()
