"""The alerts that fired since the last review, those that resolved by themselves too.

Still firing: critical if its severity is P0 or P1, else a warning. Resolved: a warning if it was P0 or P1,
for somebody must find out why, else ok.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from upkeep.catalog.models.metrics import Severity
from upkeep.checks.context import Check, CheckContext
from upkeep.checks.series import check_name, described, differing, keep_worst
from upkeep.findings import Finding, State
from upkeep.findings.units import format_value

if TYPE_CHECKING:
    from upkeep.clients.prometheus import AlertEpisode

Wanted = Callable[["AlertEpisode"], bool]
"""Whether an alert belongs to the review."""
_FINEST_STEP = timedelta(minutes=1)
"""Rules are evaluated about once a minute: nothing shorter is there to be seen."""
_MOST_POINTS = 10_000
"""Prometheus refuses more than 11,000 points a series."""
_LEAST_COVERAGE = 0.9
"""Of less time than this seen, "no alerts" would be a guess."""
_MOST_EPISODES_SHOWN = 10
_URGENT: tuple[Severity, ...] = ("P0", "P1")


def alerts_check(context: CheckContext, labels: Mapping[str, str], wanted: Wanted) -> Check:
    """Return the check of the alerts that carry the labels and that are wanted."""
    review = _Review(context, labels, wanted)
    return Check(name="alerts", source=review.source, present=False, ask=review.ask)


@dataclass(frozen=True)
class _Review:
    """The alerts between two reviews."""

    context: CheckContext
    labels: Mapping[str, str]
    wanted: Wanted

    @property
    def selector(self) -> str:
        return ",".join(f'{key}="{_escaped(value)}"' for key, value in sorted(self.labels.items()))

    @property
    def source(self) -> str:
        return f"prometheus: ALERTS{{{self.selector}}}"

    @property
    def until(self) -> datetime:
        """The end of the time under review; whole seconds, for Prometheus keeps milliseconds."""
        return self.context.as_of.replace(microsecond=0)

    @property
    def step(self) -> timedelta:
        seconds = (self.until - self.context.since).total_seconds()
        return max(_FINEST_STEP, timedelta(seconds=math.ceil(seconds / _MOST_POINTS)))

    def ask(self) -> Sequence[Finding]:
        """Return what fired; unknown if Prometheus did not watch for much of the time."""
        prometheus = self.context.clients.prometheus()
        found = prometheus.alerts_history(self.selector, self.context.since, self.until, self.step)
        episodes = [episode for episode in found if self.wanted(episode)]
        total = self._total(episodes, self._watched())
        by_alert = self._by_alert(episodes)
        return [*keep_worst((self._one(*item) for item in by_alert), "alert"), total]

    def _watched(self) -> float:
        """Return the share of the time for which Prometheus knows the state of any target."""
        start = self.context.since
        lines = self.context.clients.prometheus().range("count(up)", start, self.until, self.step)
        expected = (self.until - start) // self.step + 1
        return len(lines[0].points) / expected if lines else 0.0

    def _by_alert(
        self, episodes: Sequence[AlertEpisode]
    ) -> list[tuple[str, dict[str, str], list[AlertEpisode]]]:
        """Group the episodes by alert and label set, named by the labels in which one alert's sets differ."""
        grouped: dict[str, dict[tuple[tuple[str, str], ...], list[AlertEpisode]]] = {}
        for episode in episodes:
            key = tuple(sorted(episode.labels.items()))
            grouped.setdefault(episode.name, {}).setdefault(key, []).append(episode)
        found = []
        for name, sets in sorted(grouped.items()):
            told = differing([dict(key) for key in sets])
            found += [(name, labels, group) for labels, group in zip(told, sets.values(), strict=True)]
        return found

    def _one(self, name: str, told: dict[str, str], group: list[AlertEpisode]) -> Finding:
        last = max(group, key=lambda episode: episode.last_seen)
        severity = self._severity(last)
        firing = any(episode.still_firing for episode in group)
        seconds = sum((episode.last_seen - episode.first_seen).total_seconds() for episode in group)
        ended = "is firing" if firing else "fired and has resolved"
        times = f", {len(group)} times" if len(group) > 1 else ""
        first = min(episode.first_seen for episode in group)
        rule = self.context.system.alerts.get(name)
        return Finding(
            check=check_name("alert", {"alertname": name, **told}),
            state=_state(severity, firing),
            summary=f"{name}{described(told)} {ended}{times}: since {_clock(first)} "
            f"for {format_value(seconds, 'seconds')} in all" + (f". {rule.summary}" if rule else ""),
            source=self.source,
            observed_at=self.context.as_of,
            value=seconds,
            unit="seconds",
            evidence={
                "severity": severity or "not known",
                "labels": dict(last.labels),
                "episodes": [
                    [one.first_seen.isoformat(), "firing" if one.still_firing else one.last_seen.isoformat()]
                    for one in group[-_MOST_EPISODES_SHOWN:]
                ],
                "episode_count": len(group),
            },
            runbook=rule.runbook if rule else None,
        )

    def _severity(self, episode: AlertEpisode) -> Severity | None:
        rule = self.context.system.alerts.get(episode.name)
        if rule:
            return rule.severity
        return self.context.system.escalation.severity_words.get(episode.labels.get("severity", ""))

    def _total(self, episodes: Sequence[AlertEpisode], watched: float) -> Finding:
        firing = sum(episode.still_firing for episode in episodes)
        since = f"since {self.context.since.isoformat(timespec='minutes')}"
        unknown = watched < _LEAST_COVERAGE
        return Finding(
            check="alerts",
            state=State.UNKNOWN if unknown else State.OK,
            summary=f"{len(episodes)} alerts fired {since}, {firing} still do",
            source=self.source,
            observed_at=self.context.as_of,
            value=None if unknown and not episodes else float(len(episodes)),
            unit="count",
            reason=f"Prometheus has data for only {format_value(watched, 'ratio')} of the time {since}: "
            "alerts may have been missed"
            if unknown
            else None,
            evidence={"watched": format_value(watched, "ratio"), "step_seconds": self.step.total_seconds()},
        )


def _state(severity: Severity | None, firing: bool) -> State:
    urgent = severity in _URGENT
    if firing:
        return State.CRITICAL if urgent else State.WARNING
    return State.WARNING if urgent else State.OK


def _clock(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M %Z")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
