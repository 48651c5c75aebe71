"""What the exporter shows: the series of the history, the faults in them, and that an application is down."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

from sandbox.prometheus.changes import CHANGES
from sandbox.prometheus.estate import live, series, up
from sandbox.prometheus.exporter import application_text, estate_text, make_app
from sandbox.prometheus.series import Bump
from sandbox.prometheus.state import State, load
from sandbox.prometheus.systems import APPLICATIONS, SYSTEMS

ANCHOR = 1_795_219_200.0
NOW = ANCHOR + 9 * 3600
FINE = State(ANCHOR)


def samples(text: str) -> dict[str, float]:
    pairs = (line.rsplit(" ", 1) for line in text.splitlines())
    return {name: float(value) for name, value in pairs}


@pytest.mark.parametrize("system", SYSTEMS)
def test_series_are_distinct_and_name_their_job_and_instance(system):
    listed = series(system, ANCHOR)
    assert len({one.text() for one in listed}) == len(listed)
    assert all(one.labels["job"] and one.labels["instance"] for one in listed)


def test_there_are_neither_few_nor_too_many_series():
    assert 150 <= sum(len(series(system, ANCHOR)) for system in SYSTEMS) <= 300


@pytest.mark.parametrize("system", SYSTEMS)
def test_prometheus_adds_job_and_instance_to_the_application_itself(system):
    assert "job=" not in application_text(system, FINE, NOW)
    assert "instance=" not in application_text(system, FINE, NOW)
    assert all(one.labels["job"] == APPLICATIONS[system][0] for one in series(system, ANCHOR) if one.from_app)


@given(st.floats(0, 86_400), st.floats(1, 7_200))
def test_counters_never_fall(after, more):
    counters = [one for one in live("zetra", FINE) if one.counter]
    assert all(one.at(NOW + after + more) >= one.at(NOW + after) for one in counters)


@pytest.mark.parametrize("fault", CHANGES)
def test_every_effect_has_a_series(fault):
    change = CHANGES[fault]
    known = [*series(change.system, ANCHOR), up(change.system, ANCHOR)]
    for effect in change.effects:
        assert any(one.matches(effect.metric, effect.labels) for one in known), effect


@pytest.mark.parametrize("fault", [name for name, change in CHANGES.items() if change.effects[0].per_second])
def test_a_counter_leaps_when_broken_and_keeps_it_when_healed(fault):
    system = CHANGES[fault].system
    (effect, *_), start = CHANGES[fault].effects, NOW - 100

    def value(state: State, t: float) -> float:
        found = [one for one in live(system, state) if one.matches(effect.metric, effect.labels)]
        return sum(one.at(t) for one in found)

    broken = FINE.broken(fault, start)
    assert value(broken, start - 1) == value(FINE, start - 1)
    gained = value(broken, NOW) - value(FINE, NOW)
    assert gained == pytest.approx(effect.per_second * (effect.window + 100), abs=2)
    healed = broken.mended(fault, NOW)
    assert value(healed, NOW + 60) - value(FINE, NOW + 60) == pytest.approx(gained, abs=2)


def test_a_gauge_is_as_before_when_healed():
    broken = FINE.broken("zetra-disk", NOW - 10)
    healed = broken.mended("zetra-disk", NOW)
    wrong, right = (samples(estate_text(state, NOW - 1)) for state in (broken, FINE))
    assert len([name for name in wrong if wrong[name] != right[name]]) == 1
    assert samples(estate_text(healed, NOW + 1)) == samples(estate_text(FINE, NOW + 1))


def test_a_state_reads_back(tmp_path: Path):
    state = FINE.broken("zetra-disk", 1.5).broken("tapio-down", 2.0).mended("zetra-disk", 3.0)
    state.save(tmp_path / "state.json")
    assert load(tmp_path / "state.json") == state
    assert [file.name for file in tmp_path.iterdir()] == ["state.json"]


def test_breaking_again_does_not_begin_again():
    once = FINE.broken("zetra-disk", 1.0)
    assert once.broken("zetra-disk", 2.0) is once
    assert FINE.mended("zetra-disk", 2.0) is FINE


def test_a_bump_without_end_goes_on():
    assert Bump(10, None, per_second=2, jump=5).gained(20) == 25
    assert Bump(10, 15, per_second=2, jump=5).gained(20) == 15
    assert Bump(10).gained(9) == 0


async def test_the_state_file_is_read_at_each_scrape(tmp_path: Path):
    file = tmp_path / "state.json"
    State(ANCHOR).save(file)
    async with TestClient(TestServer(make_app(file))) as client:
        assert (await client.get("/metrics/zetra")).status == 200
        State(ANCHOR).broken("zetra-down", time.time()).save(file)
        assert (await client.get("/metrics/zetra")).status == 503
        assert (await client.get("/metrics/quikapp")).status == 200
        assert (await client.get("/metrics/estate")).status == 200
        assert (await client.get("/metrics/nobody")).status == 404
        assert (await client.get("/healthz")).status == 200
