"""Health end points: an answer is judged, and no answer is one too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from servers.bad import refusing, saying
from servers.situation import ask, checks_of, make_context, make_system
from servers.web import web
from upkeep.checks.context import CheckContext
from upkeep.clients.endpoint import Endpoint
from upkeep.errors import ConfigurationError
from upkeep.findings import Finding, State

pytestmark = pytest.mark.integration


def context_of(url: str, endpoint: dict[str, Any], **extra: Any) -> CheckContext:
    system = make_system(connections={"http": "shop_http"}, health={"api": endpoint})
    return make_context(system, as_of=datetime.now(UTC), http=Endpoint(url), http_extra=extra)


def look(url: str, endpoint: dict[str, Any], **extra: Any) -> Finding:
    found = ask("health", context_of(url, endpoint, **extra), endpoints=["api"])
    assert list(found) == ["endpoint{name=api}"]
    return found["endpoint{name=api}"]


@pytest.mark.parametrize(
    ("answer", "endpoint", "state"),
    [
        ((200, {"status": "UP"}), {}, State.OK),
        ((200, {"status": "DOWN"}), {}, State.CRITICAL),
        ((200, ["fine"]), {}, State.OK),
        ((503, {"status": "DOWN"}), {}, State.CRITICAL),
        ((404, {}), {}, State.CRITICAL),
        ((204, None), {"expect_status": 204}, State.OK),
        ((200, {}), {"expect_status": 204}, State.CRITICAL),
    ],
)
def test_answers(answer: tuple[int, Any], endpoint: dict[str, Any], state: State) -> None:
    with web({"/health": answer}) as url:
        found = look(url, {"path": "/health"} | endpoint)
    assert found.state is state
    assert found.value is not None
    assert found.unit == "seconds"
    assert found.evidence["status"] == answer[0]


def test_a_slow_answer_is_a_warning() -> None:
    with web({"/health": (200, {})}, delay_seconds=0.3) as url:
        slow = look(url, {"path": "/health", "slower_than_seconds": 0.2})
        fine = look(url, {"path": "/health", "slower_than_seconds": 30})
    assert (slow.state, fine.state) == (State.WARNING, State.OK)
    assert slow.limit == "> 200 ms"


def test_no_answer_is_critical_for_that_is_the_answer() -> None:
    with refusing() as port:
        found = look(f"http://127.0.0.1:{port}", {"path": "/health"})
    assert found.state is State.CRITICAL
    assert "does not answer" in found.summary
    assert found.value is None


def test_what_is_no_http_cannot_be_judged() -> None:
    with saying(b"\x00\x01 what?\r\n\r\n") as port:
        found = look(f"http://127.0.0.1:{port}", {"path": "/health"})
    assert found.state is State.UNKNOWN
    assert found.reason


def test_an_outside_end_point_can_be_led_elsewhere() -> None:
    with web({"/provider": (200, {})}) as url:
        led = look(url, {"url": "https://login.invalid/"}, health_urls={"api": f"{url}/provider"})
    assert led.state is State.OK
    assert led.source == "http: GET https://login.invalid/"


def test_an_end_point_without_address_is_a_mistake_of_the_catalog() -> None:
    found = look("http://127.0.0.1:1", {})
    assert found.state is State.UNKNOWN
    assert "neither path nor url" in (found.reason or "")


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="no health end point nope; it has: api"):
        checks_of("health", context_of("http://127.0.0.1:1", {"path": "/"}), endpoints=["nope"])


def test_asking_for_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least one"):
        checks_of("health", context_of("http://127.0.0.1:1", {"path": "/"}))
