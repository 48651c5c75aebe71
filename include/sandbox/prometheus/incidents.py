"""The past: incidents of the last weeks, in the series they touched and in the alerts that fired."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.prometheus.changes import CHANGES
from sandbox.prometheus.effects import Effect
from sandbox.prometheus.shapes import DAY

ALERT_STEP_SECONDS = 60
LONG_ALERT_STEP_SECONDS = 240
"""An alert that is open for days is sampled less often, still closer than Prometheus looks back (5 min)."""


@dataclass(frozen=True)
class Incident:
    """An alert that fired.

    day, hour: when it began, in days before the anchor's midnight and hours (UTC) of that day.
    minutes: how long it fired; none if it still does. lead_minutes: how long it was wrong before.
    labels: what the rule's expression adds. change: the fault whose effects it had, if any.
    """

    system: str
    alert: str
    day: int
    hour: float
    minutes: float | None
    labels: Mapping[str, str] = field(default_factory=dict)
    change: str | None = None
    lead_minutes: float = 2.0

    def start(self, anchor: float) -> float:
        """When it began to fire, a whole second."""
        return float(round(anchor - self.day * DAY + self.hour * 3600))

    def end(self, anchor: float) -> float | None:
        """When it was resolved."""
        return None if self.minutes is None else self.start(anchor) + self.minutes * 60

    def fired_at(self, anchor: float, until: float) -> Sequence[float]:
        """The moments at which Prometheus recorded it, up to `until`."""
        start, end = self.start(anchor), min(self.end(anchor) or until, until)
        step = ALERT_STEP_SECONDS if self.minutes is not None else LONG_ALERT_STEP_SECONDS
        return [float(t) for t in range(int(start), int(end) + 1, step)]


_CRASHING = {
    "namespace": "quikapp-live",
    "pod": "websocket-0",
    "container": "websocket",
    "reason": "CrashLoopBackOff",
    "job": "kube-state-metrics",
    "instance": "kube-state-metrics",
}
_FULL_DISK = {
    "job": "maintenance-api-node",
    "instance": "node-1:9100",
    "device": "/dev/vda1",
    "fstype": "ext4",
    "mountpoint": "/",
}
INCIDENTS = (
    Incident("quikapp", "HighErrorRate", 1, 23.30, 14, change="quikapp-errors"),
    Incident("quikapp", "PodCrashLoopBackOff", 0, 2.68, 22, _CRASHING, "quikapp-crash-loop"),
    Incident("quikapp", "HighErrorRate", 3, 4.08, 9, change="quikapp-errors"),
    Incident("quikapp", "PodCrashLoopBackOff", 9, 15.20, 41, _CRASHING, "quikapp-crash-loop"),
    Incident("quikapp", "HighErrorRate", 23, 19.55, 27, change="quikapp-errors"),
    Incident(
        "maintenance-api", "HighLatency", 1, 22.66, 12, change="maintenance-api-latency", lead_minutes=7
    ),
    Incident(
        "maintenance-api",
        "ServiceDown",
        6,
        3.20,
        4,
        {"job": "maintenance-api", "instance": "maintenance-api:8080"},
        "maintenance-api-down",
    ),
    Incident("maintenance-api", "HighErrorRate", 17, 11.40, 8, change="maintenance-api-errors"),
    Incident("maintenance-api", "LowDiskSpace", 11, 20.0, None, _FULL_DISK),
    Incident("zetra", "HighResponseTime", 1, 23.83, 11, change="zetra-slow", lead_minutes=7),
    Incident("zetra", "HighErrorRate", 4, 13.10, 10, change="zetra-errors", lead_minutes=7),
    Incident(
        "zetra",
        "ApplicationDown",
        12,
        1.75,
        6,
        {"job": "zetra-app", "instance": "zetra-app:3000"},
        "zetra-down",
    ),
    Incident("lessay", "DatabaseLatency", 0, 3.33, 9, change="lessay-database-latency"),
    Incident("lessay", "ApiErrorRate", 5, 18.20, 15, change="lessay-errors", lead_minutes=12),
    Incident(
        "lessay",
        "HighMemoryUsage",
        8,
        16.0,
        35,
        {"job": "lessay-node", "instance": "api-1:9100"},
        "lessay-memory",
    ),
)


def effects(system: str) -> Iterator[tuple[Incident, Effect]]:
    """Return what the system's incidents did to its series."""
    for incident in INCIDENTS:
        if incident.system == system and incident.change:
            for effect in CHANGES[incident.change].effects:
                yield incident, effect
