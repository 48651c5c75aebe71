"""A real Kafka broker: one for the tests that only add to it, one for those that stop it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from tests.conformance.kafka.broker import Broker
from tests.conformance.kafka.programs import prepare


@pytest.fixture(scope="session")
def start_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Broker]]:
    """Start nodes; all end with the session."""
    started: list[Broker] = []

    def start() -> Broker:
        broker = Broker(tmp_path_factory.mktemp("kafka"), prepare())
        started.append(broker)
        broker.start()
        return broker

    yield start
    for broker in started:
        broker.stop()


@pytest.fixture(scope="session")
def broker(start_broker: Callable[[], Broker]) -> Broker:
    """The node that every test shares; topics and groups are each test's own."""
    return start_broker()


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    """A topic's name that no other test uses; the test makes it."""
    return request.node.name.removeprefix("test_")


@pytest.fixture(scope="session")
def eventually() -> Callable[[Callable[[], bool], str], None]:
    """Wait for a condition: `eventually(condition, what)`."""

    def wait(condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, f"{what}: not within 30 s"
            time.sleep(0.05)

    return wait
