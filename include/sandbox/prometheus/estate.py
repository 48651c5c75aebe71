"""All series of all systems at an anchor, with the incidents of the past and the faults of the present."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from sandbox.prometheus.changes import CHANGES
from sandbox.prometheus.effects import Effect
from sandbox.prometheus.incidents import effects
from sandbox.prometheus.series import Bump, Series
from sandbox.prometheus.state import State
from sandbox.prometheus.systems import APPLICATIONS, SYSTEMS


@lru_cache(maxsize=16)
def series(system: str, anchor: float) -> tuple[Series, ...]:
    """Return the series of a system; `anchor` is the midnight (UTC) that its growth is counted from."""
    instance = APPLICATIONS[system][1]
    made = [_named(one, instance) for one in SYSTEMS[system](anchor)]
    for incident, effect in effects(system):
        start, end = incident.start(anchor) - incident.lead_minutes * 60, incident.end(anchor)
        made = _with(made, effect, effect.bump(start, end, sudden=False))
    return tuple(made)


def up(system: str, anchor: float) -> Series:
    """Return the `up` of a system's application, which Prometheus itself records from now on."""
    job, instance = APPLICATIONS[system]
    first = SYSTEMS[system](anchor)[0]
    found = [
        replace(
            first,
            name="up",
            labels={"job": job, "instance": instance},
            scale=1.0,
            load=None,
            amplitude=0.0,
            counter=False,
            frequent=False,
        )
    ]
    for incident, effect in effects(system):
        found = _with(found, effect, effect.bump(incident.start(anchor) - 60, incident.end(anchor)))
    return found[0]


def live(system: str, state: State) -> list[Series]:
    """Return the series of a system with the faults of `state`."""
    made = list(series(system, state.anchor))
    for fault, start, end in state.periods():
        change = CHANGES.get(fault)
        if change and change.system == system:
            for effect in change.effects:
                made = _with(made, effect, effect.bump(start, end))
    return made


def is_down(system: str, state: State) -> bool:
    """Return whether a fault keeps the application from answering."""
    return any(
        CHANGES[fault].system == system and any(e.metric == "up" for e in CHANGES[fault].effects)
        for fault in state.active
        if fault in CHANGES
    )


def _named(one: Series, instance: str) -> Series:
    """Give a series the instance that Prometheus would: the application's, or the exporter's."""
    own = instance if one.from_app else one.labels["job"]
    return replace(one, labels={"instance": own} | dict(one.labels))


def _with(made: list[Series], effect: Effect, bump: Bump) -> list[Series]:
    return [
        replace(one, bumps=(*one.bumps, bump)) if one.matches(effect.metric, effect.labels) else one
        for one in made
    ]
