"""A worker has imported what its tasks import: whatever one imports by itself, each of its runs pays for."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import upkeep
from upkeep.executors.preload import NOT_OF_TASKS

# In a process of its own, for this one has imported much else.
IMPORTED = """
import json, sys
from upkeep.executors.preload import preload
preload()
print(json.dumps(list(sys.modules)))
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What is imported in a worker that has preloaded."""
    home = str(tmp_path_factory.mktemp("home"))
    environment = {
        "PATH": "/usr/bin:/bin", "HOME": home, "AIRFLOW_HOME": home, "PYTHONPATH": ":".join(sys.path),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def files() -> Iterator[Path]:
    """Yield the files of what tasks run."""
    [root] = map(Path, upkeep.__path__)
    for file in sorted(root.rglob("*.py")):
        # Migrations are Alembic's scripts: no module imports them.
        if file.relative_to(root).parts[0] not in NOT_OF_TASKS and "migrations" not in file.parts:
            yield file


def late(file: Path) -> Iterator[tuple[str, str]]:
    """Yield what functions of a file import, each with its place."""
    for function in ast.walk(ast.parse(file.read_text())):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for one in ast.walk(function):
            names = [alias.name for alias in one.names] if isinstance(one, ast.Import) else []
            if isinstance(one, ast.ImportFrom) and one.module:
                parts = [f"{one.module}.{alias.name}" for alias in one.names]
                names = [one.module, *(name for name in parts if _is_module(name))]
            yield from ((name, f"{file.name}:{one.lineno}") for name in names)


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def test_no_function_of_a_task_imports_what_the_worker_has_not(imported: set[str]) -> None:
    asked = [one for file in files() for one in late(file)]
    assert len(asked) > 200
    assert [one for one in asked if one[0] not in imported] == []


def test_every_module_of_tasks_is_there(imported: set[str]) -> None:
    [root] = map(Path, upkeep.__path__)
    names = {".".join(("upkeep", *file.relative_to(root).with_suffix("").parts)) for file in files()}
    assert {name.removesuffix(".__init__") for name in names} - imported == set()
