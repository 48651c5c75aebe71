"""`make test-conformance` says in one line what it lacks, and does not pass when it proved nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNAVAILABLE = 69


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("UPKEEP_")}
    return subprocess.run(
        [sys.executable, "-m", "tests.conformance", *arguments],
        cwd=ROOT,
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def go(tmp_path: Path) -> Path:
    """A folder for the search path, with a Go that knows its version and fails to build."""
    fake = tmp_path / "bin" / "go"
    fake.parent.mkdir()
    fake.write_text(
        '#!/bin/sh\n[ "$1" = env ] && { echo go1.26.0; exit; }\n'
        "echo 'go: downloading k8s.io/api v1' >&2\necho 'dial tcp: no route to the proxy' >&2\nexit 1\n"
    )
    fake.chmod(0o700)
    return fake.parent


def test_without_go_one_line_says_so(tmp_path: Path) -> None:
    done = run(PATH=str(tmp_path))
    assert done.returncode == UNAVAILABLE
    assert done.stderr.startswith("test-conformance: Go is not installed")
    assert done.stderr.endswith("nothing is proven on a real Kubernetes API\n")
    assert done.stderr.count("\n") == 1


def test_a_build_that_fails_says_why_in_one_line(go: Path, tmp_path: Path) -> None:
    done = run(PATH=str(go), XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == UNAVAILABLE
    assert "failed: dial tcp: no route to the proxy" in done.stderr
    assert done.stderr.count("\n") == 1
    assert [file.name for file in tmp_path.rglob("*") if file.name.startswith("etcd")] == []


def test_make_shows_the_failure(tmp_path: Path) -> None:
    """Under CI the same: nothing turns the status into success."""
    make = shutil.which("make")
    assert make
    done = subprocess.run(
        [make, "test-conformance", "--old-file=setup", f"PYTHON={sys.executable}"],
        cwd=ROOT,
        env={"PATH": str(tmp_path), "HOME": str(tmp_path), "CI": "true"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert f"Error {UNAVAILABLE}" in done.stderr
