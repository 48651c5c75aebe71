"""Folders and repositories that systems back up; made when first asked for."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

from sandbox.paths import state_folder

PATHS = {
    "zetra": ("app/uploads",),
    "lessay": ("srv/lessay/files",),
    "tapio": ("app/data", "archive"),
}
"""Below the root that stands for the machine's own."""

FILES, FILE_BYTES = 40, 4096


def files_of(system: str) -> Path:
    """Return the root of a system's files."""
    root = Path(state_folder()) / "files" / system
    chance = random.Random(system)
    for path in PATHS[system]:
        folder = root / path
        if folder.exists():
            continue
        folder.mkdir(parents=True)
        for number in range(FILES):
            (folder / f"{number:04d}.bin").write_bytes(chance.randbytes(FILE_BYTES))
    return root


def repository_of(system: str) -> Path:
    """Return a bare repository with a system's configuration."""
    bare = Path(state_folder()) / "git" / f"{system}-configuration.git"
    if not bare.exists():
        work = bare.with_suffix(".work")
        work.mkdir(parents=True)
        (work / "lessay.conf").write_text("workers = 4\nqueue = 'lessons'\n")
        _git(work, "init", "--quiet", "--initial-branch", "main")
        _git(work, "add", ".")
        identity = ("-c", "user.name=sandbox", "-c", "user.email=sandbox@upkeep.example")
        _git(work, *identity, "commit", "--quiet", "--message", "Configuration")
        _git(work, "clone", "--quiet", "--bare", ".", str(bare))
    return bare


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
