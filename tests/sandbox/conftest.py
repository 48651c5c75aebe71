"""The whole sandbox, started once for the tests that talk to it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.servers.sandbox import running_sandbox

from sandbox.estate import Endpoint, Estate, PartState


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder that the database servers' user can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="upkeep-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def estate() -> Iterator[Estate]:
    """A sandbox of its own; at the end nothing of it runs."""
    with running_sandbox() as estate:
        yield estate


@pytest.fixture
def part(estate: Estate) -> Callable[[str], Endpoint]:
    """Return a part that is up; skip the test if this machine lacks what it needs."""

    def get(name: str) -> Endpoint:
        found = estate.parts[name]
        if found.state is PartState.MISSING:
            pytest.skip(f"{name}: {found.why}")
        return estate.part(name)

    return get


@pytest.fixture
def wait_for() -> Callable[..., Any]:
    """Return a function that waits until a condition is true, and returns what it returned."""

    def wait(condition: Callable[[], Any], what: str, seconds: float = 20) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
            time.sleep(0.1)
        return found

    return wait
