"""A whole sandbox of a test's own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox import commands, process
from sandbox.estate import Estate
from sandbox.paths import sandbox_folder


@contextmanager
def running_sandbox() -> Iterator[Estate]:
    """Start a sandbox in a folder of its own; at the end nothing of it runs."""
    folder = Path(tempfile.mkdtemp(prefix="upkeep-test-"))
    folder.chmod(0o711)  # the database servers' user must reach it
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UPKEEP_STATE", str(folder))
        try:
            yield commands.up()
        finally:
            commands.down()
            left = [child.name for child in process.recorded(sandbox_folder())]
            shutil.rmtree(folder, ignore_errors=True)
            assert left == []
