"""A check's surroundings for tests: a small system, real clients for what the test starts, no ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from upkeep.catalog.models import System
from upkeep.checks.context import Check, CheckContext, Measurement, PastIncident
from upkeep.checks.registry import kind
from upkeep.checks.runner import run_checks
from upkeep.errors import ConfigurationError
from upkeep.findings import Finding, State

AS_OF = datetime(2025, 6, 10, 12, tzinfo=UTC)
"""A moment in the past: a check that looks at the clock on the wall finds nothing there."""


def make_system(**parts: Any) -> System:
    """Return a small system with the parts given in the words of the catalog."""
    severity = {"title": "High", "definition": "High", "response_minutes": 5, "resolution_minutes": 60}
    facts: dict[str, Any] = {
        "title": "Shop",
        "description": "A shop",
        "guide": "none",
        "owners": {"sre": {"title": "SRE"}},
        "escalation": {
            "severities": dict.fromkeys(("P0", "P1", "P2", "P3"), severity),
            "severity_words": {"critical": "P0", "high": "P1", "warning": "P3"},
            "chains": {"main": {"levels": [{"owner": "sre", "wait_minutes": 15}]}},
            "default_chain": "main",
        },
    }
    return System.model_validate(facts | parts)


class ClientsOf:
    """The clients that a test has a server for; asking for another is a missing connection."""

    def __init__(self, **clients: Any) -> None:
        self._clients = clients

    def __getattr__(self, name: str) -> Any:
        def client(*service: str) -> Any:
            if name not in self._clients:
                raise ConfigurationError(f"the catalog names no connection for {name}")
            found = self._clients[name]
            return found[service[0]] if service else found

        return client


@dataclass
class Remembered:
    """A ledger's memory, written by the test."""

    values: Mapping[str, Sequence[Measurement]] = field(default_factory=dict)
    opened: Sequence[PastIncident] = ()
    since: datetime | None = None

    def measurements(self, metric: str, since: datetime, until: datetime) -> Sequence[Measurement]:
        return [one for one in self.values.get(metric, ()) if since <= one.at <= until]

    def incidents(self, since: datetime, until: datetime) -> Sequence[PastIncident]:
        return [one for one in self.opened if since <= one.opened_at < until]

    def known_since(self) -> datetime | None:
        return self.since


def make_context(
    system: System,
    *,
    as_of: datetime = AS_OF,
    since: datetime | None = None,
    history: Remembered | None = None,
    **clients: Any,
) -> CheckContext:
    """Return a context whose clients are those given by role."""
    return CheckContext(
        "shop",
        system,
        as_of,
        since or as_of - timedelta(days=1),
        ClientsOf(**clients),
        history or Remembered(),
    )


def checks_of(name: str, context: CheckContext, **parameters: Any) -> list[Check]:
    """Return the checks that a kind lists for parameters as the catalog writes them."""
    found = kind(name)
    return list(found.checks(context, found.parameters.model_validate(parameters)))


def ask(name: str, context: CheckContext, *, seconds: float = 20, **parameters: Any) -> dict[str, Finding]:
    """Run a kind as a task does and return the findings by their name."""
    return by_name(run_checks(checks_of(name, context, **parameters), context.as_of, seconds))


def by_name(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Return findings by their name."""
    return {finding.check: finding for finding in findings}


def states(findings: Mapping[str, Finding]) -> dict[str, State]:
    """Return the states by name."""
    return {name: finding.state for name, finding in findings.items()}
