"""The rules of delivery, with channels that do as they are told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.paging.conftest import page

from upkeep.errors import PermanentError, TemporaryError
from upkeep.incidents.model import Channel
from upkeep.paging.deliver import Delivery, Limits, deliver, deliver_all
from upkeep.paging.sender import Message, Sent, TryLater

QUICK = Limits(attempt=0.2, attempts=3, waits=0.3, first_pause=0.01, page=1)
OK = Sent("target", "receipt")
Does = Exception | Sent | Callable[[], Sent]


@dataclass
class Told:
    """A channel that does what it is told, one after the other, and then the last for ever."""

    does: list[Does]
    calls: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> Sent:
        self.calls.append(message)
        now = self.does[min(len(self.calls), len(self.does)) - 1]
        if isinstance(now, Exception):
            raise now
        return now if isinstance(now, Sent) else now()


@pytest.fixture
def hang() -> Iterator[Callable[[], Sent]]:
    """Something that takes for ever, or until the test ends."""
    over = threading.Event()

    def forever() -> Sent:
        over.wait(60)
        return OK

    yield forever
    over.set()


def results(delivery: Delivery) -> list[tuple[str, bool, int]]:
    return [(one.channel, one.delivered, one.attempts) for one in delivery.outcomes]


def test_the_first_channel_that_takes_it_is_enough() -> None:
    slack, email = Told([OK]), Told([OK])
    found = deliver(page("slack", "email"), {"slack": slack, "email": email}, QUICK)
    assert (found.delivered, found.channel, found.target, found.attempts) == (True, "slack", "target", 1)
    assert found.outcomes[0].text == "receipt"
    assert found.error == ""
    assert email.calls == []


def test_a_temporary_error_is_tried_again_and_a_permanent_one_is_not() -> None:
    pagerduty = Told([PermanentError("HTTP 400: bad key")])
    slack = Told([TemporaryError("HTTP 500"), TemporaryError("HTTP 500"), OK])
    found = deliver(page("pagerduty", "slack"), {"pagerduty": pagerduty, "slack": slack}, QUICK)
    assert results(found) == [("pagerduty", False, 1), ("slack", True, 3)]
    assert found.error == "pagerduty: HTTP 400: bad key"
    assert found.attempts == 4


def test_none_delivers_is_a_dead_letter_that_says_why() -> None:
    away = Told([TemporaryError("refused")])
    found = deliver(page("slack", "webhook", "email"), {"slack": away, "email": away}, QUICK)
    assert (found.delivered, found.channel, found.target) == (False, None, "")
    assert results(found) == [("slack", False, 3), ("webhook", False, 0), ("email", False, 3)]
    assert found.error == "slack: refused; webhook: no sender for this channel; email: refused"


def test_a_level_without_channels_is_a_dead_letter() -> None:
    found = deliver(replace(page(), channels=()), {}, QUICK)
    assert (found.delivered, found.outcomes, found.error) == (False, (), "the level names no channel")


def test_a_channel_that_hangs_leaves_time_for_the_others(hang: Callable[[], Sent]) -> None:
    began = time.monotonic()
    all_channels: tuple[Channel, ...] = ("slack", "pagerduty", "webhook", "email")
    senders = dict.fromkeys(all_channels, Told([hang])) | {"email": Told([OK])}
    found = deliver(page(*all_channels), senders, QUICK)
    assert found.channel == "email"
    assert found.error.startswith("slack: no answer within 0.")
    assert time.monotonic() - began < QUICK.page


def test_the_pause_that_the_far_side_asks_for_is_kept() -> None:
    slack = Told([TryLater("HTTP 429", 0.15), OK])
    began = time.monotonic()
    assert deliver(page("slack"), {"slack": slack}, QUICK).delivered
    assert time.monotonic() - began >= 0.15


def test_a_channel_that_asks_for_too_long_a_pause_is_passed_over_at_once() -> None:
    slack, email = Told([TryLater("HTTP 429", 60), OK]), Told([OK])
    began = time.monotonic()
    found = deliver(page("slack", "email"), {"slack": slack, "email": email}, Limits())
    assert results(found) == [("slack", False, 1), ("email", True, 1)]
    assert time.monotonic() - began < 1


def test_pauses_together_stay_below_their_limit() -> None:
    slack = Told([TryLater("HTTP 429", 0.2), TryLater("HTTP 429", 0.2), OK])
    found = deliver(page("slack"), {"slack": slack}, replace(QUICK, page=5))
    assert results(found) == [("slack", False, 2)]


@pytest.mark.parametrize("error", [KeyError("x"), TimeoutError("slow"), ValueError("pwd=abc")])
def test_a_fault_in_a_channel_never_keeps_the_page_from_the_next(error: Exception) -> None:
    def broken() -> Sent:
        raise error

    found = deliver(page("slack", "email"), {"slack": Told([broken]), "email": Told([OK])}, QUICK)
    assert found.channel == "email"
    assert "abc" not in found.error


def test_a_channel_that_is_named_twice_is_tried_once() -> None:
    slack = Told([PermanentError("no")])
    found = deliver(page("slack", "slack"), {"slack": slack}, QUICK)
    assert len(slack.calls) == len(found.outcomes) == 1


def test_many_at_once_come_back_as_they_are_done() -> None:
    def slow() -> Sent:
        time.sleep(0.3)
        return OK

    pages = [page("slack", dedup_key=str(number)) for number in range(50)]
    senders = {"slack": Told([slow])}
    began = time.monotonic()
    done = list(deliver_all((one, senders) for one in pages))
    assert time.monotonic() - began < 5  # one after the other they would take 15 s
    assert {one.dedup_key for one, _ in done} == {one.dedup_key for one in pages}
    assert all(delivery.delivered for _, delivery in done)


channels = st.lists(st.sampled_from(("slack", "pagerduty", "email", "webhook")), unique=True)
behaviours = st.sampled_from(
    [OK, PermanentError("no"), TemporaryError("not now"), TryLater("later", 0.02), TryLater("later", 99)]
)


@settings(max_examples=60)
@given(channels, st.lists(st.lists(behaviours, min_size=1, max_size=3), min_size=4, max_size=4))
def test_the_first_channel_that_can_take_it_does(order: list[Channel], does: list[list[Does]]) -> None:
    limits = Limits(attempt=0.5, attempts=3, waits=0.2, first_pause=0.001, page=3)
    senders = {channel: Told(list(told)) for channel, told in zip(order, does, strict=False)}
    found = deliver(replace(page(), channels=tuple(order)), senders, limits)
    assert [one.channel for one in found.outcomes] == order[: len(found.outcomes)]
    assert found.delivered == any(takes(told) for told in does[: len(order)])
    assert [one.delivered for one in found.outcomes[:-1]] == [False] * (len(found.outcomes) - 1)
    assert all(one.attempts <= limits.attempts for one in found.outcomes)


def takes(told: list[Does]) -> bool:
    """Whether a channel takes it within three attempts, told as a person would."""
    for now in (told + [told[-1]] * 2)[:3]:
        if isinstance(now, Sent):
            return True
        if isinstance(now, PermanentError) or (isinstance(now, TryLater) and now.after_seconds > 1):
            return False
    return False
