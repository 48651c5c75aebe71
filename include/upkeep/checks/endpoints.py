"""Health end points: do they answer, as expected, in time?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from upkeep.catalog.models.operations import HealthEndpoint
from upkeep.checks.choice import choose
from upkeep.checks.context import Check, CheckContext
from upkeep.checks.series import check_name
from upkeep.errors import ConfigurationError, TemporaryError
from upkeep.findings import Finding, State
from upkeep.findings.units import format_value

if TYPE_CHECKING:
    from upkeep.clients.http import ProbeResult

_TIMEOUT_SECONDS = 10.0
"""Longer than any honest health end point takes; what is slower than the catalog's limit still answers."""
_DOWN = {"down", "error", "fail", "failed", "out_of_service", "unhealthy"}
"""What a body's `status` says when all is not well, whatever the HTTP status."""


def endpoint_checks(context: CheckContext, names: Sequence[str]) -> list[Check]:
    """Return one check for each health end point named; they read the present."""
    if not names:
        return []
    chosen = choose(context.system.health, names, "health end point")
    probes = [_Probe(context, name, endpoint) for name, endpoint in chosen.items()]
    return [
        Check(name=check_name("endpoint", {"name": one.name}), source=one.source, present=True, ask=one.ask)
        for one in probes
    ]


@dataclass(frozen=True)
class _Probe:
    """One end point.

    One that refuses or hangs is critical, not unknown: that it does not answer is the answer.
    """

    context: CheckContext
    name: str
    endpoint: HealthEndpoint

    @property
    def source(self) -> str:
        return f"http: GET {self.endpoint.url or self.endpoint.path}"

    def ask(self) -> Finding:
        """Ask once and judge the answer."""
        from upkeep.clients.http import probe

        url, ca_file = self._address()
        try:
            answer = probe(url, _TIMEOUT_SECONDS, ca_file, self.endpoint.expect_status)
        except TemporaryError as e:
            return self._finding(State.CRITICAL, f"{self.name} does not answer: {e}", None, {})
        evidence = {"status": answer.status, "body": answer.body_excerpt, "url": url.split("?")[0]}
        state, text = self._judged(answer)
        return self._finding(state, f"{self.name} {text}", answer.elapsed_seconds, evidence)

    def _address(self) -> tuple[str, str | None]:
        """Return the URL to ask and the authority to trust.

        The http connection's extra can lead an outside URL elsewhere: `health_urls` by end point name.
        """
        if self.endpoint.path is not None:
            own = self.context.clients.http()
            return own.base_url.rstrip("/") + self.endpoint.path, own.ca_file
        if self.endpoint.url is None:
            raise ConfigurationError(f"the health end point {self.name} has neither path nor url")
        if "http" not in self.context.system.connections:
            return self.endpoint.url, None
        elsewhere = self.context.clients.http_extra().get("health_urls", {}).get(self.name)
        return elsewhere or self.endpoint.url, None

    def _judged(self, answer: ProbeResult) -> tuple[State, str]:
        took = format_value(answer.elapsed_seconds, "seconds")
        if not answer.as_expected:
            return (
                State.CRITICAL,
                f"answers {answer.status} instead of {self.endpoint.expect_status} after {took}",
            )
        said = answer.json.get("status") if isinstance(answer.json, dict) else None
        if isinstance(said, str) and said.lower() in _DOWN:
            return State.CRITICAL, f"answers {answer.status}, but says that it is {said}"
        slow = self.endpoint.slower_than_seconds
        if slow is not None and answer.elapsed_seconds > slow:
            return State.WARNING, f"answers well, but takes {took}"
        return State.OK, f"answers {answer.status} in {took}"

    def _finding(self, state: State, summary: str, value: float | None, evidence: dict[str, Any]) -> Finding:
        slow = self.endpoint.slower_than_seconds
        return Finding(
            check=check_name("endpoint", {"name": self.name}),
            state=state,
            summary=summary,
            source=self.source,
            observed_at=self.context.as_of,
            value=value,
            unit="seconds",
            limit=f"> {format_value(slow, 'seconds')}" if slow else None,
            limit_value=slow,
            evidence=evidence,
        )
