"""Chains for tests, in minutes, and a run through one with time going by."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from upkeep.incidents.model import ChainCopy, ChainLevel, Person
from upkeep.incidents.steps import Due, State, advance

START = datetime(2026, 3, 4, 9, tzinfo=UTC)
ACK, RESOLUTION = "acknowledgement", "resolution"


def level(owner: str, wait_minutes: float = 15, ends_at: Any = ACK, only_major: bool = False) -> ChainLevel:
    return ChainLevel(owner, wait_minutes * 60, ends_at, ("slack", "email"), only_major, Person(owner, owner))


def chain(*levels: ChainLevel, repeats: int = 1, resolve_minutes: float = 240) -> ChainCopy:
    return ChainCopy("main", levels, repeats, 15 * 60, resolve_minutes * 60)


def opened(of: ChainCopy, severity: str = "P1", **more: Any) -> State:
    return State(chain=of, severity=severity, counted_from=START, **more)


def minutes(number: float) -> datetime:
    return START + timedelta(minutes=number)


@dataclass
class Told:
    """A page of a run through a chain: when, in minutes, and which."""

    at: float
    due: Due


def go_through(
    state: State,
    until: float,
    *,
    empty: Collection[int] = (),
    dead: Collection[int] = (),
    events: Mapping[float, Callable[[State], State]] | None = None,
) -> tuple[list[Told], State]:
    """Let time go by until so many minutes, a step whenever one is due; all pages but the dead arrive."""
    told: list[Told] = []
    pending = dict(sorted((events or {}).items()))
    due: datetime | None = START
    while True:
        event = next(iter(pending), None)
        if event is not None and (due is None or minutes(event) <= due):
            state, due = pending.pop(event)(state), minutes(event)
        if due is None or due > minutes(until):
            return told, state
        now, step = due, advance(state, due, empty)
        state, due = step.state, step.next_step_at
        for page in step.pages:
            told.append(Told((now - START) / timedelta(minutes=1), page))
            if page.level not in dead:
                state = replace(state, heard=True)
            elif page.kind == "page" and page.level == state.level:
                state, due = replace(state, undelivered=True), now


def at_levels(told: list[Told], kind: str = "page") -> list[tuple[float, int]]:
    return [(one.at, one.due.level) for one in told if one.due.kind == kind]


def acknowledged(state: State) -> State:
    return replace(state, acknowledged=True)


def resolved(state: State) -> State:
    return replace(state, resolved=True)
