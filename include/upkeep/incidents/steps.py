"""What happens next with an incident: whom to page now, and when to look again. Pure: no clock, no ledger.

The rules, as an engineer on call expects them:

- A level's wait counts from when it was paged; with no wait the next level is paged in the same step.
- Levels for major incidents are passed over, unless it is a P0 or somebody hands over to one. An empty
  level costs no time.
- An acknowledgement stops the chain at a level that ends at acknowledgement. At one that ends at resolution
  it goes on: the level that waits decides; before the first page, the first level. An acknowledged incident
  does not start over.
- After the last level the chain starts over as often as it repeats, at the earliest five minutes after the
  last page; then it is exhausted: open, and reminding. A round in which nothing was delivered, or nobody was
  on call, does not count: it is tried again every five minutes.
- A page that no channel took passes to the next level at once.
- What is not resolved within its target pages the current level again, and then each further target, at
  least half an hour apart; a page of the chain at that moment serves as the reminder.
- The end of a snooze ends the acknowledgement and pages the current level again.
- A clock that was put back makes waits begin again from now, and never ends one early.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid5

from upkeep.incidents.chains import MAJOR
from upkeep.incidents.model import ChainCopy

ROUND_GAP = timedelta(minutes=5)
"""The shortest time between the last page of a round and the first of the next."""

SHORTEST_REMINDER = timedelta(minutes=30)
"""The shortest time between two reminders."""


@dataclass(frozen=True, kw_only=True)
class State:
    """What the next step depends on. Times with time zone.

    counted_from: opened, or opened again. level: the last one paged, -1 for none. paged_at: when; None where
    the level after `level` is due at once. round: how often the chain started over; series: how often paging
    began anew (both are part of a page's id). heard: a page of this round was delivered. undelivered: no
    channel took the page of `level`. quiet_until: the end of the window that it began in.
    """

    chain: ChainCopy
    severity: str
    counted_from: datetime
    level: int = -1
    round: int = 0
    series: int = 0
    paged_at: datetime | None = None
    heard: bool = False
    undelivered: bool = False
    acknowledged: bool = False
    resolved: bool = False
    exhausted: bool = False
    reminders: int = 0
    reminded_at: datetime | None = None
    snoozed_until: datetime | None = None
    quiet_until: datetime | None = None


@dataclass(frozen=True)
class Due:
    """A level to page now. number: of reminders, which one; 0 for a page of the chain."""

    kind: Literal["page", "reminder"]
    level: int
    round: int
    series: int
    number: int = 0

    def page_id(self, incident_id: UUID) -> UUID:
        """Return the page's id: the same for the same incident, series, round, level and reminder."""
        return uuid5(incident_id, f"{self.kind}/{self.series}/{self.round}/{self.level}/{self.number}")


@dataclass(frozen=True)
class Step:
    """What to do now, the state after it, and when to look again (None: never, unless something happens).

    skipped: the levels that were passed over because nobody is on call for them.
    """

    state: State
    pages: tuple[Due, ...]
    skipped: tuple[int, ...]
    next_step_at: datetime | None


def advance(state: State, now: datetime, empty: Collection[int] = ()) -> Step:
    """Return the step of an incident at `now`. `empty`: the levels for which nobody is on call."""
    if state.resolved:
        return Step(state, (), (), None)
    if held := _held_until(state, now):
        return Step(state, (), (), held)
    state = replace(_awake(_clocked(state, now)), quiet_until=None)
    pages: list[Due] = []
    skipped: list[int] = []
    again: datetime | None
    while (again := _chain_due(state, now)) is not None and again <= now:
        level = _next_level(state, empty, skipped)
        if level is None:
            state, again = _end(state, now)
            if again is None or again > now:
                break
        else:
            pages.append(Due("page", level, state.round, state.series))
            state = replace(state, level=level, paged_at=now, undelivered=False)
    state = _remind(state, now, empty, pages)
    reminder = _reminder_due(state, now)
    return Step(state, tuple(pages), tuple(dict.fromkeys(skipped)), min(again or reminder, reminder))


def _held_until(state: State, now: datetime) -> datetime | None:
    """Return until when nobody is paged: a snooze, or the maintenance window of what is no P0."""
    until = [state.snoozed_until] if state.snoozed_until else []
    if state.quiet_until and state.severity != MAJOR:
        until.append(state.quiet_until)
    latest = max(until, default=None)
    return latest if latest and latest > now else None


def _clocked(state: State, now: datetime) -> State:
    """Return the state without times that lie ahead: the clock was put back."""
    return replace(
        state,
        paged_at=min(state.paged_at, now) if state.paged_at else None,
        reminded_at=min(state.reminded_at, now) if state.reminded_at else None,
    )


def _awake(state: State) -> State:
    if state.snoozed_until is None:
        return state
    return page_again(replace(state, snoozed_until=None))


def page_again(state: State, level: int | None = None) -> State:
    """Return the state in which a level, by default the current one, is paged now and the chain goes on."""
    wanted = max(state.level, 0) if level is None else level
    return replace(
        state,
        level=wanted - 1,
        series=state.series + 1,
        paged_at=None,
        acknowledged=False,
        undelivered=False,
        exhausted=False,
    )


def _chain_due(state: State, now: datetime) -> datetime | None:
    """Return when the chain goes on, None where it does not."""
    waiting = state.chain.levels[max(state.level, 0)]
    if state.exhausted or (state.acknowledged and waiting.ends_at == "acknowledgement"):
        return None
    if state.paged_at is None or state.undelivered:
        return now
    return state.paged_at + timedelta(seconds=waiting.wait_seconds)


def _next_level(state: State, empty: Collection[int], skipped: list[int]) -> int | None:
    by_name = state.level + 1 if state.level >= 0 and state.paged_at is None else None
    for level in range(state.level + 1, len(state.chain.levels)):
        if state.chain.levels[level].only_major and state.severity != MAJOR and level != by_name:
            continue
        if level not in empty:
            return level
        skipped.append(level)
    return None


def _end(state: State, now: datetime) -> tuple[State, datetime | None]:
    """Return the state after the last level, and when the chain goes on: now, later, or no more."""
    if state.acknowledged:
        return state, None
    if state.heard and state.round >= state.chain.repeats:
        return replace(state, exhausted=True), None
    if state.level < 0:
        return state, now + ROUND_GAP
    if state.paged_at and now < state.paged_at + ROUND_GAP:
        return state, state.paged_at + ROUND_GAP
    anew = replace(state, level=-1, paged_at=None, undelivered=False, heard=False)
    if state.heard:
        return replace(anew, round=state.round + 1), now
    return replace(anew, series=state.series + 1), now


def _reminder_due(state: State, now: datetime) -> datetime:
    target = timedelta(seconds=state.chain.resolution_seconds)
    if state.reminded_at is None:
        return min(state.counted_from, now) + target
    return state.reminded_at + max(target, SHORTEST_REMINDER)


def _remind(state: State, now: datetime, empty: Collection[int], pages: list[Due]) -> State:
    """Return the state with the reminder that is due, which is added to the pages unless one serves."""
    if _reminder_due(state, now) > now:
        return state
    if not pages:
        level = _reachable(state, empty)
        if level is not None:
            number = state.reminders + 1
            pages.append(Due("reminder", level, state.round, state.series, number))
            state = replace(state, reminders=number)
    return replace(state, reminded_at=now)


def _reachable(state: State, empty: Collection[int]) -> int | None:
    """Return the current level, or the nearest before it for which somebody is on call."""
    for level in range(max(state.level, 0), -1, -1):
        passed_over = state.chain.levels[level].only_major and state.severity != MAJOR
        if level not in empty and (level == state.level or not passed_over):
            return level
    return None
