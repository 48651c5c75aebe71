"""The faults of the metrics: broken in the exporter's state, seen by Prometheus with its next scrape.

A broken counter gains at once what it would have gained in a whole window, so `rate(…[5m])` shows the
fault after one scrape (5 s). After healing, the window that still holds the fault is deleted from
Prometheus, for the series concerned alone, so that the healthy rate shows after two scrapes. Where a limit
must be crossed for minutes, the minutes before the fault are deleted too: nothing is left that would show
that it was not. Prometheus's own rules take the time that they say.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from sandbox.errors import PartFailed
from sandbox.estate import Estate
from sandbox.faults.model import Fault
from sandbox.prometheus import state
from sandbox.prometheus.changes import CHANGES
from sandbox.prometheus.configuration import SCRAPE_SECONDS
from sandbox.prometheus.effects import Change, Effect

PART = "prometheus"
SEEN_WITHIN_SECONDS = 30.0
LOOK_BACK_SECONDS = 360.0
"""Rates look 5 minutes back, and so does Prometheus for the last value; a minute more for certainty."""

_POLL_SECONDS = 0.5
_TIMEOUT_SECONDS = 10.0


def state_file(estate: Estate) -> Path:
    """Return the file that the exporter reads at each scrape."""
    named = estate.part(PART).details.get("state_file")
    return Path(named) if named else estate.folder / PART / state.STATE_FILE


def break_metrics(estate: Estate, fault: str) -> None:
    """Make the fault visible and return when Prometheus has seen it.

    Raises PartFailed if Prometheus or the exporter does not show it within 30 s.
    """
    file, started = state_file(estate), time.time()
    before = state.change(file, lambda current: current.broken(fault, started))
    if fault not in before.active:
        for effect in CHANGES[fault].effects:
            _wait_for_samples(estate.url(PART), effect, started, at_least=1)
        if held := CHANGES[fault].held:
            # The last sample of a counter stays: without it there is no rate.
            until = started - (SCRAPE_SECONDS * 1.2 if held.counts else 0.0)
            _delete(estate.url(PART), held.selector, started - held.minutes * 60 - LOOK_BACK_SECONDS, until)


def heal_metrics(estate: Estate, fault: str) -> None:
    """Undo the fault and return when Prometheus shows healthy values again.

    Raises PartFailed if Prometheus or the exporter does not answer within 30 s.
    """
    file, ended = state_file(estate), time.time()
    before = state.change(file, lambda current: current.mended(fault, ended))
    if fault not in before.active:
        return
    url = estate.url(PART)
    for effect in CHANGES[fault].effects:
        if effect.per_second:
            _delete(url, effect.selector, ended - effect.window - 60, ended)
        # A rate needs two samples.
        _wait_for_samples(url, effect, ended, at_least=2 if effect.per_second else 1)


def _delete(url: str, selector: str, since: float, until: float) -> None:
    """Delete what Prometheus has of some series between two moments."""
    window = {"start": f"{since:.3f}", "end": f"{until:.3f}"}
    query = urllib.parse.urlencode({"match[]": selector, **window})
    _answer(urllib.request.Request(f"{url}/api/v1/admin/tsdb/delete_series?{query}", method="POST"))  # noqa: S310


def _wait_for_samples(url: str, effect: Effect, since: float, *, at_least: int) -> None:
    """Wait until every series of the effect has `at_least` samples later than `since`."""
    deadline = time.monotonic() + SEEN_WITHIN_SECONDS
    while time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        # Rounded down, so that no sample from before counts.
        seconds = int(time.time() - since)
        result = _query(url, f"min(count_over_time({effect.selector}[{seconds}s]))") if seconds else []
        if result and float(result[0]["value"][1]) >= at_least:
            return
    raise PartFailed(
        f"the sandbox's {PART} did not scrape {effect.selector} within {SEEN_WITHIN_SECONDS:g} s"
    )


def _query(url: str, expression: str) -> list[dict[str, Any]]:
    query = urllib.parse.urlencode({"query": expression})
    answer = json.loads(_answer(urllib.request.Request(f"{url}/api/v1/query?{query}")))  # noqa: S310
    result: list[dict[str, Any]] = answer["data"]["result"]
    return result


def _answer(request: urllib.request.Request) -> bytes:
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
            body: bytes = response.read()
    except (urllib.error.URLError, OSError) as e:
        raise PartFailed(f"the sandbox's {PART} does not answer: {e}; see `upkeep sandbox status`") from e
    return body


def _fault(name: str, change: Change) -> Fault:
    return Fault(
        name=name,
        system=change.system,
        breaks=change.breaks,
        finding=change.finding,
        needs=(PART,),
        break_=lambda estate: break_metrics(estate, name),
        heal=lambda estate: heal_metrics(estate, name),
    )


FAULTS: dict[str, Fault] = {name: _fault(name, change) for name, change in CHANGES.items()}
