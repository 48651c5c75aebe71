"""One sandbox and the procedures of all systems, for all tests of the faults."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.estate import Estate, PartState
from tests.servers.routines import Routines, connect
from tests.servers.sandbox import running_sandbox


@pytest.fixture(scope="session")
def estate() -> Iterator[Estate]:
    """A sandbox of its own that has every part."""
    with running_sandbox() as estate:
        missing = [
            f"{part.name}: {part.why}" for part in estate.parts.values() if part.state is not PartState.UP
        ]
        if missing:
            pytest.skip("; ".join(missing))
        yield estate


@pytest.fixture(scope="session")
def routines(estate: Estate) -> Iterator[Routines]:
    """The procedures, connected to the sandbox."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in connect(estate).items():
            patch.setenv(name, value)
        with Routines() as routines:
            yield routines
