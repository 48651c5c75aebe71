"""The files that a newcomer, CI and a licence check look for are there and say what they should."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = ["help", "setup", "demo", "stop", "demo-check", "test", "test-backups"]
TARGETS += ["test-conformance", "check", "bench", "lock", "clean"]
SCRIPTS = sorted(path for path in [*ROOT.glob("scripts/**/*"), ROOT / ".ci/run"] if path.is_file())

# What no file may say: a registry's host (each machine has its own), or a path of one machine.
FORBIDDEN = [
    re.compile("pypi" + r"\.org"),
    re.compile("python" + r"hosted\.org"),
    re.compile("npm" + r"js\.(org|com)"),
    re.compile("deb\\.debian" + r"\.org"),
    re.compile(r"--(extra-)?index" + "-url"),
    re.compile(r"(?<![\w.])/wo" + r"rk/\w"),
    re.compile(r"\.\./sha" + "red/"),
]
NOT_OURS = {".git", ".venv", ".upkeep", "build", "__pycache__", ".mypy_cache", ".ruff_cache", ".hypothesis"}


def run(*command: str) -> subprocess.CompletedProcess[str]:
    # `make test` passes its own flags on to every make that runs below it.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env=environment, check=False, timeout=60
    )


def our_files() -> list[Path]:
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS and not name.endswith("_cache")]
        found += [Path(folder, name) for name in files]
    return found


def test_help_lists_every_target() -> None:
    listed = re.findall(r"^  make ([a-z-]+) +\S", run("make", "help").stdout, flags=re.M)
    assert listed == TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_target_exists(target: str) -> None:
    answer = run("make", "--dry-run", target)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("target", ["demo", "demo-check", "test", "test-conformance", "check", "bench"])
def test_target_sets_up_first(target: str) -> None:
    assert run("make", "--dry-run", target).stdout.splitlines()[0] == "scripts/setup"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_script_is_executable_and_parses(path: Path) -> None:
    first = path.read_text().splitlines()[0]
    if "python" in first:
        compile(path.read_text(), path.name, "exec")
    else:
        answer = run("sh" if first == "#!/bin/sh" else "bash", "-n", str(path))
        assert answer.returncode == 0, answer.stderr
    # What is only sourced is not executable.
    assert os.access(path, os.X_OK) == first.startswith("#!")


def test_ci_runs_the_commands_of_the_readme_in_order() -> None:
    text = (ROOT / ".ci/run").read_text()
    commands = ["test", "test-conformance", "check", "demo-check"]
    assert re.findall(r"^make (.*)$", text, flags=re.M) == commands
    assert "set -euo pipefail" in text


def test_licence_is_the_whole_apache_licence() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_changelog_has_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_no_file_names_a_registry_or_a_private_path() -> None:
    for path in our_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for pattern in FORBIDDEN:
            assert not pattern.search(text), f"{path.relative_to(ROOT)}: {pattern.pattern}"


def test_hooks_need_no_network() -> None:
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"repo: (\S+)", text) == ["local"]
    for command in re.findall(r"entry: (\S+)", text):
        assert command.startswith(".venv/bin/")
