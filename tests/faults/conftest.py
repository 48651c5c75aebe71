"""A sandbox and the procedures of all systems, for a module of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.servers.routines import Routines, connect
from tests.servers.sandbox import running_sandbox

from sandbox.estate import Estate


@pytest.fixture(scope="module")
def estate() -> Iterator[Estate]:
    """A sandbox of its own."""
    with running_sandbox() as estate:
        yield estate


@pytest.fixture(scope="module")
def routines(estate: Estate) -> Iterator[Routines]:
    """The procedures, connected to the sandbox."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in connect(estate).items():
            patch.setenv(name, value)
        with Routines() as routines:
            yield routines
