"""The set-up says in one line what is missing, and installs programs without starting them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ["bash", "cat", "chmod", "comm", "cut", "dirname", "find", "grep", "mkdir", "rm", "sed", "sha256sum"]
TOOLS += ["sort", "tail", "tee", "touch", "env"]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the files that the set-up reads, and a folder of the only programs it may find."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    for name in ("pyproject.toml", "requirements.txt", "requirements-uv.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "bin").mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found
        (tmp_path / "bin" / name).symlink_to(found)
    return tmp_path


@pytest.fixture
def run(tree: Path) -> Run:
    def command(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(tree / "scripts" / script), *arguments],
            env={"PATH": str(tree / "bin"), "HOME": str(tree)} | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            stdin=subprocess.DEVNULL,
        )

    return command


def program(tree: Path, name: str, text: str) -> None:
    """Put a stand-in where the script finds it first."""
    path = tree / "bin" / name
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


def ordinary_user_with_sudo(tree: Path, apt_get: str = "exit 0") -> Path:
    """An account that is not root but may become it; nothing that it does reaches the machine."""
    log = tree / "log"
    program(tree, "id", "echo 1000")
    program(tree, "sudo", f'echo "$*" >>{log}\nshift\nif [ "$1" = env ]; then exec "$@"; fi')
    program(tree, "apt-get", apt_get)
    return log


def test_no_python_is_one_line(run: Run) -> None:
    answer = run("setup")
    assert answer.returncode == 1
    expected = "setup: no Python 3.11, 3.12 or 3.13 found; run: sudo apt-get install python3 python3-venv\n"
    assert answer.stderr == expected


def test_python_of_another_version_is_no_python(run: Run, tree: Path) -> None:
    program(tree, "python3", "exit 1")
    assert "no Python 3.11, 3.12 or 3.13 found" in run("setup").stderr


def test_python_without_venv_names_the_package(run: Run, tree: Path) -> None:
    program(tree, "python3.12", 'case "$2" in *ensurepip*) exit 1 ;; *print*) echo python3.12-venv ;; esac')
    answer = run("setup", UPKEEP_NO_APT="1")
    assert answer.returncode == 1
    assert answer.stderr == (
        "setup: python3.12 cannot make an environment; run: sudo apt-get install python3.12-venv\n"
    )


def test_unchanged_lock_does_nothing(run: Run, tree: Path) -> None:
    (tree / ".venv/bin").mkdir(parents=True)
    program(tree, "mark", "")
    shutil.copy(tree / "bin/mark", tree / ".venv/bin/upkeep")
    digest = "source scripts/environment; lock_digest"
    stamp = subprocess.check_output(["bash", "-c", digest], cwd=tree, text=True)
    (tree / ".venv/.lock-digest").write_text(stamp)
    answer = run("setup", UPKEEP_NO_APT="1")
    assert answer.returncode == 0, answer.stderr
    assert "installing" not in answer.stderr


def test_missing_program_is_one_line_with_its_cost_and_no_failure(run: Run) -> None:
    answer = run("system-programs", UPKEEP_NO_APT="1")
    assert answer.returncode == 0
    lines = [line for line in answer.stderr.splitlines() if line.startswith("setup: missing prometheus:")]
    assert lines == [
        "setup: missing prometheus: no metrics in the sandbox: findings that read history are unknown "
        "(sudo apt-get install prometheus)"
    ]


def test_without_apt_get_nothing_is_tried(run: Run) -> None:
    answer = run("system-programs")
    assert answer.returncode == 0
    assert "installing" not in answer.stderr


def test_known_packages_are_installed_alone_and_no_list_is_fetched(run: Run, tree: Path) -> None:
    log = ordinary_user_with_sudo(tree)
    assert run("apt-install", "prometheus").returncode == 0
    commands = log.read_text()
    assert "install --yes --no-install-recommends prometheus" in commands
    assert " update" not in commands


def test_lists_are_fetched_once_when_a_package_is_unknown(run: Run, tree: Path) -> None:
    knows_after_update = f'case "$*" in *update*) touch {tree}/lists ;; esac\n[ -e {tree}/lists ]'
    log = ordinary_user_with_sudo(tree, knows_after_update)
    assert run("apt-install", "prometheus", "mariadb-server").returncode == 0
    assert log.read_text().count(" update") == 1


def test_a_package_that_cannot_be_had_does_not_keep_the_others_back(run: Run, tree: Path) -> None:
    log = ordinary_user_with_sudo(tree, apt_get='case "$*" in *nowhere*) exit 100 ;; esac')
    assert run("apt-install", "nowhere", "prometheus").returncode == 1
    assert "--no-install-recommends prometheus\n" in log.read_text()


def test_services_are_forbidden_to_start_and_the_rule_is_taken_back(run: Run, tree: Path) -> None:
    policy = Path("/usr/sbin/policy-rc.d")
    log = ordinary_user_with_sudo(tree)
    run("apt-install", "prometheus")
    commands = log.read_text()
    # A machine that has a rule of its own keeps it.
    assert (f"tee {policy}" in commands) == (not policy.exists())
    assert (f"rm -f {policy}" in commands) == (not policy.exists())


def test_a_failed_installation_is_not_tried_at_every_make(run: Run, tree: Path) -> None:
    (tree / ".venv").mkdir()
    ordinary_user_with_sudo(tree, apt_get="exit 100")
    assert "setup: installing" in run("system-programs").stderr
    again = run("system-programs")
    assert again.returncode == 0
    assert "setup: installing" not in again.stderr
    assert "setup: missing prometheus:" in again.stderr
