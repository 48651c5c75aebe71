"""The catalog as DAG files and tasks read it: compiled, so that neither YAML nor the models cost time.

A file is compiled when its content, or the code that compiles, has changed. A broken file breaks nothing
that works: the other systems load, and of the broken one the last good version stays in force.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from upkeep.catalog.files import (
    SUITE,
    files_of,
    name_problems,
    read_content,
    same_name_problems,
    system_files,
    well_named,
)
from upkeep.catalog.places import cache_folder, suite_folder, systems_folder
from upkeep.catalog.plans import RoutinePlan
from upkeep.catalog.problems import CatalogError, Problem, errors
from upkeep.catalog.signature import code_signature
from upkeep.catalog.store import Broken, Good, Store
from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from upkeep.catalog.models import System

# Taken when the code is loaded: a process that outlives an upgrade must not sign its work as the new code's.
_CODE = code_signature()


SYSTEMS_KEPT = 64
"""Systems that a process keeps once it has read them: reading one takes 7 ms, keeping it 0.3 MB."""


@lru_cache(maxsize=SYSTEMS_KEPT)
def _system_of(compiled: bytes) -> System:
    from upkeep.catalog.models import System
    from upkeep.catalog.models.base import COMPILED

    return System.model_validate_json(compiled, context=COMPILED)


class Catalog:
    """A folder of systems' files. Every question looks at the files again."""

    def __init__(self, folder: Path | None = None, cache: Path | None = None) -> None:
        """Use `folder`, by default `$UPKEEP_SYSTEMS`, and keep what is compiled in `cache`."""
        self._folder = folder or systems_folder()
        self._cache = cache or cache_folder()
        self._store = Store(self._cache, self._folder)

    def system_ids(self) -> list[str]:
        """Return the ids of the systems in force, sorted. Raises ConfigurationError without a folder."""
        return [system_id for system_id, names in self._files() if self._good(system_id, names)[0]]

    def plans(self, cadence: str | None = None, dag_id: str | None = None) -> Iterator[RoutinePlan]:
        """Yield the routines in force, of one cadence or all, of one DAG or all.

        With a DAG's id the file of its system alone is read.
        """
        for system_id, names in self._files() if dag_id is None else self._files_for(dag_id):
            good, _ = self._good(system_id, names)
            for plan in good.plans if good else ():
                if cadence in (None, plan.cadence) and dag_id in (None, plan.dag_id):
                    yield plan

    def system(self, system_id: str) -> System:
        """Return the system in force. Raises ConfigurationError if there is none of that id.

        `upkeep` is the suite itself, which is in no list of systems: whom it tells of its own troubles.
        """
        if system_id == SUITE and self._folder != suite_folder():
            return suite_catalog(self._cache).system(SUITE)
        from pydantic import ValidationError

        names = files_of(self._folder, system_id)
        if not names:
            known = ", ".join(system_id for system_id, _ in self._files())
            raise ConfigurationError(f"no system {system_id!r} in {self._folder}; there are {known}")
        good, problems = self._good(system_id, names)
        if good is None:
            raise CatalogError(errors(problems))
        try:
            return _system_of(bytes(good.system))
        except ValidationError as e:
            # A last good version that newer code does not understand: its plans may serve, its facts do not.
            raise CatalogError(errors(problems)) from e

    def problems(self) -> list[Problem]:
        """Return everything that is wrong with the catalog, warnings too, by file and line."""
        found: list[Problem] = []
        for system_id, names in self._files():
            found += self._good(system_id, names)[1]
        return sorted(found)

    def raise_problems(self) -> None:
        """Raise CatalogError with a line for each error, if there is one."""
        if wrong := errors(self.problems()):
            raise CatalogError(wrong)

    def _files(self) -> Iterator[tuple[str, list[str]]]:
        yield from system_files(self._folder).items()

    def _files_for(self, dag_id: str) -> Iterator[tuple[str, list[str]]]:
        # A system's id has no underscore, and each DAG's id begins with its system's.
        system_id = dag_id.split("_", 1)[0]
        if names := files_of(self._folder, system_id):
            yield system_id, names

    def _good(self, system_id: str, names: list[str]) -> tuple[Good | None, list[Problem]]:
        """Return the version in force, None if there never was one, and what is wrong with the files."""
        proper = well_named(system_id, names)
        wrong = list(same_name_problems(self._folder, names))
        for name in set(names).difference(proper):
            wrong += name_problems(self._folder / name)
        if len(proper) != 1:
            return (self._last_good(system_id) if proper else None), wrong
        present = self._present(system_id, self._folder / proper[0])
        good = present if isinstance(present, Good) else self._last_good(system_id)
        return good, [*wrong, *present.problems]

    def _present(self, system_id: str, path: Path) -> Good | Broken:
        """Return the file as it is now, compiled, if possible from the store."""
        try:
            content = read_content(path)
        except CatalogError as e:
            return Broken("", _CODE, e.problems)
        key = (hashlib.sha256(content).hexdigest(), _CODE)
        kept: Good | Broken | None = self._store.read(Good, system_id)
        if kept is None or (kept.source, kept.code) != key:
            kept = self._store.read(Broken, system_id)
        if kept is not None and (kept.source, kept.code) == key:
            return kept
        from upkeep.catalog.compiling import compile_content

        compiled = compile_content(path, content, _CODE)
        self._store.write(system_id, compiled)
        return compiled

    def _last_good(self, system_id: str) -> Good | None:
        kept = self._store.read(Good, system_id)
        if kept is None or kept.code == _CODE:
            return kept
        from upkeep.catalog.compiling import compile_content

        again = compile_content(self._folder / f"{system_id}.yaml", kept.text, _CODE)
        # Newer code may refuse even what was good. Its plans stay in force all the same, but it no longer
        # passes for the compiled form of any file.
        current = again if isinstance(again, Good) else replace(kept, code=_CODE, source="")
        self._store.write(system_id, current)
        return current


def suite_catalog(cache: Path | None = None) -> Catalog:
    """Return the catalog that holds the suite itself alone, with a last good version like any other."""
    return Catalog(suite_folder(), cache)
