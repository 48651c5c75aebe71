"""The import contracts catch what they forbid; `make check` says that the code keeps them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = Path(sys.executable).with_name("lint-imports")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the packages, in which a test may do what is forbidden."""
    for package in ("upkeep", "sandbox"):
        shutil.copytree(
            ROOT / "include" / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(LINT), "--no-cache"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("upkeep/errors.py", "import airflow", "The domain knows no Airflow"),
        ("upkeep/findings/model.py", "import upkeep.operators.errors", "The domain knows no Airflow"),
        ("upkeep/operators/errors.py", "import upkeep.procedures.factory", "Procedures wire operators"),
        ("upkeep/operators/errors.py", "import sandbox", "Only the command line starts the sandbox"),
    ],
)
def test_forbidden_import_is_caught(tree: Path, module: str, line: str, contract: str) -> None:
    path = tree / module
    path.write_text(f"{path.read_text()}\n{line}\n")
    answer = lint(tree)
    assert answer.returncode == 1, answer.stdout + answer.stderr
    broken = [text for text in answer.stdout.splitlines() if text.endswith("BROKEN")]
    assert [text for text in broken if text.startswith(contract)]


@pytest.mark.parametrize("folder", ["dags", "plugins"])
def test_what_airflow_loads_does_not_know_the_sandbox(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        assert "import sandbox" not in path.read_text()
        assert "from sandbox" not in path.read_text()


def test_command_line_works_where_the_sandbox_is_not_installed() -> None:
    """The image leaves the sandbox out, and `upkeep ledger migrate` must run in it."""
    block = (
        "import sys; sys.modules['sandbox'] = None; import upkeep.cli; upkeep.cli.app(['ledger', '--help'])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", block], capture_output=True, text=True, check=False, timeout=60
    )
    assert answer.returncode == 0, answer.stderr[-500:]
