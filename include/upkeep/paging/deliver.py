"""Delivery: a page goes through its channels in order until one takes it, within a bounded time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from concurrent.futures import TimeoutError as NotDone
from dataclasses import dataclass

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, stop_before_delay
from tenacity.stop import stop_base
from tenacity.wait import wait_base, wait_random_exponential

from upkeep.errors import PermanentError, TemporaryError, UpkeepError
from upkeep.incidents.model import Channel
from upkeep.paging.sender import Message, NoAddress, Sender, Sent, TryLater, quoted


@dataclass(frozen=True)
class Limits:
    """How long delivery may take, in seconds. The defaults suit a person who should wake up.

    attempt: one try of one channel. attempts: tries of one channel. waits: pauses between them, added
    up: a channel that wants a longer one is passed over. first_pause: about how long the first pause
    is; each further one may be twice as long. page: all channels of one page together, shared out
    evenly, so that a channel that hangs leaves time for those after it.
    """

    attempt: float = 5
    attempts: int = 3
    waits: float = 10
    first_pause: float = 0.5
    page: float = 30


AFTER_A_RUN = Limits(page=8)
"""Of a digest, and of a note after it: Airflow ends a task's process 20 s after the task has succeeded."""


@dataclass(frozen=True)
class Outcome:
    """What one channel did with a message. text: the receipt, or why it did not take it.

    addressed: whether the catalog gives the person an address there.
    """

    channel: Channel
    delivered: bool
    attempts: int
    target: str
    text: str
    seconds: float
    addressed: bool = True


@dataclass(frozen=True)
class Delivery:
    """What became of a message; without a channel that took it, it is a dead letter.

    outcomes: of every channel that was tried, in order; the last one is that which took it.
    """

    delivered: bool
    outcomes: tuple[Outcome, ...]

    @property
    def channel(self) -> Channel | None:
        """The channel that took it."""
        return self.outcomes[-1].channel if self.delivered else None

    @property
    def target(self) -> str:
        """Whom that channel reached; empty for a dead letter."""
        return self.outcomes[-1].target if self.delivered else ""

    @property
    def unaddressed(self) -> bool:
        """Whether the person has an address on none of its channels."""
        return bool(self.outcomes) and not any(one.addressed for one in self.outcomes)

    @property
    def attempts(self) -> int:
        """Tries over all channels."""
        return sum(one.attempts for one in self.outcomes)

    @property
    def error(self) -> str:
        """Why channels did not take it, one sentence for each; empty if the first did."""
        failed = [f"{one.channel}: {one.text}" for one in self.outcomes if not one.delivered]
        return "; ".join(failed) or ("" if self.delivered else "the level names no channel")


def deliver(message: Message, senders: Mapping[Channel, Sender], limits: Limits | None = None) -> Delivery:
    """Send a message through the first of its channels that takes it; never raises.

    A temporary error is tried again, after the pause that the far side asked for if it did; a permanent
    one, or a channel that has no sender, leads to the next channel at once. An attempt that is given up
    may still arrive: the message may be there twice, under the same id.
    """
    limits = limits or Limits()
    end = time.monotonic() + limits.page
    outcomes: list[Outcome] = []
    channels = tuple(dict.fromkeys(message.channels))
    for tried, channel in enumerate(channels):
        share = (end - time.monotonic()) / (len(channels) - tried)
        outcome = _through(channel, senders.get(channel), message, limits, share)
        outcomes.append(outcome)
        if outcome.delivered:
            return Delivery(delivered=True, outcomes=tuple(outcomes))
    return Delivery(delivered=False, outcomes=tuple(outcomes))


def deliver_all(
    messages: Iterable[tuple[Message, Mapping[Channel, Sender]]],
    limits: Limits | None = None,
    at_once: int = 200,
) -> Iterator[tuple[Message, Delivery]]:
    """Deliver messages concurrently; each comes back with its delivery as soon as that is known.

    at_once: as many wait at the same time; where a channel hangs, those behind them wait for its limit.
    """
    with ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="page") as pool:
        sending = {pool.submit(deliver, message, senders, limits): message for message, senders in messages}
        for done in as_completed(sending):
            yield sending[done], done.result()


def _through(
    channel: Channel, sender: Sender | None, message: Message, limits: Limits, share: float
) -> Outcome:
    """Try one channel, for at most `share` seconds."""
    began = time.monotonic()
    if sender is None:
        return Outcome(channel, False, 0, "", "no sender for this channel", 0)
    tries = 0

    def attempt() -> Sent:
        nonlocal tries
        tries += 1
        left = share - (time.monotonic() - began)
        return _within(min(limits.attempt, max(left, 0.01)), sender, message)

    retrying = Retrying(
        retry=retry_if_exception_type(TemporaryError),
        wait=_Pause(limits.first_pause),
        stop=stop_after_attempt(limits.attempts) | stop_before_delay(share) | _WaitedEnough(limits.waits),
        reraise=True,
    )
    try:
        sent = retrying(attempt)
    except UpkeepError as e:
        found = not isinstance(e, NoAddress)
        return Outcome(channel, False, tries, "", str(e), time.monotonic() - began, found)
    return Outcome(channel, True, tries, sent.target, sent.receipt, time.monotonic() - began)


def _within(seconds: float, sender: Sender, message: Message) -> Sent:
    """Let a sender try for so long. Its own time-outs are for each read; a slow trickle passes them."""
    answer: Future[Sent] = Future()

    def work() -> None:
        try:
            answer.set_result(sender.send(message))
        except Exception as e:
            answer.set_exception(e)

    # A daemon: one that hangs must not keep the process from ending.
    threading.Thread(target=work, name="page-attempt", daemon=True).start()
    try:
        return answer.result(timeout=seconds)
    except UpkeepError:
        raise
    except NotDone as e:
        if answer.done():  # the sender's own time-out
            raise TemporaryError(f"no answer: {quoted(str(e))}") from e
        raise TemporaryError(f"no answer within {seconds:.3g} s") from None
    except Exception as e:
        # A fault in one channel's code must not keep the page from the next.
        raise PermanentError(f"{type(e).__name__}: {quoted(str(e))}") from e


class _Pause(wait_base):
    """What the far side asked for; else a random pause that may grow with each attempt."""

    def __init__(self, first: float) -> None:
        self._own = wait_random_exponential(multiplier=first)

    def __call__(self, retry_state: RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        own = self._own(retry_state)
        return error.after_seconds + own if isinstance(error, TryLater) else own


class _WaitedEnough(stop_base):
    """Stops where the next pause would take the pauses together beyond a limit."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __call__(self, retry_state: RetryCallState) -> bool:
        return retry_state.idle_for + retry_state.upcoming_sleep > self._seconds
