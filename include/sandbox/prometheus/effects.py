"""What each fault does to the series, as plain data: the exporter shows it, past incidents reuse it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.prometheus.series import Bump

WINDOW_SECONDS = 300.0
"""The catalog's expressions look at rates over 5 minutes."""


@dataclass(frozen=True)
class Effect:
    """One series changed. `down`: the application itself does not answer, so that `up` is 0.

    per_second: what a counter gains more. At the start it gains a whole window's worth at once, so that a
        rate over the window shows the fault with the next scrape and not minutes later.
    seconds_left: a gauge that holds a moment (seconds since the epoch): so long after the start.
    """

    metric: str
    labels: Mapping[str, str] = field(default_factory=dict)
    per_second: float = 0.0
    value: float | None = None
    window: float = WINDOW_SECONDS
    seconds_left: float | None = None

    def bump(self, start: float, end: float | None = None, *, sudden: bool = True) -> Bump:
        """Return the change from `start` on; `sudden` as a fault is, or gradual as the past was."""
        jump = self.per_second * self.window if sudden else 0.0
        value = self.value if self.seconds_left is None else start + self.seconds_left
        return Bump(start, end, self.per_second, jump, value)

    @property
    def selector(self) -> str:
        """The series as Prometheus selects them."""
        pairs = ",".join(f'{key}="{value}"' for key, value in self.labels.items())
        return f"{self.metric}{{{pairs}}}"


@dataclass(frozen=True)
class Held:
    """A limit that must be crossed for minutes, and the series that would show that it was not.

    counts: the series are counters.
    """

    selector: str
    minutes: float
    counts: bool = False


@dataclass(frozen=True)
class Change:
    """All that a fault changes in one system.

    finding: `<routine>/<task>: <check> becomes <state>`, more of them after `; `.
    held: what is forgotten, so that the finding changes at once and not after those minutes.
    """

    system: str
    breaks: str
    finding: str
    effects: tuple[Effect, ...]
    held: Held | None = None


def failing(job: str, per_second: float, **labels: str) -> tuple[Effect, ...]:
    """Requests answered with 500."""
    return (Effect("http_requests_total", {"job": job, "status": "500", **labels}, per_second),)


def slow(
    job: str, per_second: float, bounds: tuple[str, ...], name: str = "http_request_duration_seconds"
) -> tuple[Effect, ...]:
    """Events that take so long that only the buckets `bounds` count them; 2 s each in the sum."""
    buckets = tuple(Effect(f"{name}_bucket", {"job": job, "le": le}, per_second) for le in (*bounds, "+Inf"))
    count = Effect(f"{name}_count", {"job": job}, per_second)
    return (*buckets, count, Effect(f"{name}_sum", {"job": job}, per_second * 2))


def gauge(metric: str, value: float, **labels: str) -> tuple[Effect, ...]:
    """A gauge with another value."""
    return (Effect(metric, labels, value=value),)


def certificate(job: str, days_left: float) -> tuple[Effect, ...]:
    """A certificate, as a probe sees it, that expires so many days from now."""
    return (Effect("probe_ssl_earliest_cert_expiry", {"job": job}, seconds_left=days_left * 86_400),)


def down(job: str) -> tuple[Effect, ...]:
    """An application that does not answer its scrapes."""
    return (Effect("up", {"job": job}, value=0.0),)


def down_for_a_minute(job: str) -> Held:
    """An application counts as down when it has not answered for a minute."""
    return Held(f'up{{job="{job}"}}', minutes=1)
