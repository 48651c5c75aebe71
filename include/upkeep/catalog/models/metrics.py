"""What is measured, within which limits, and which alerts and objectives follow."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from upkeep.catalog.models.base import Entry, Name, Promql, QuantityText, Ratio, Url
from upkeep.findings.units import Unit, parse_quantity

Severity = Literal["P0", "P1", "P2", "P3"]
MetricGroup = Literal["application", "infrastructure", "database", "cache", "queue", "business", "security"]


class Limit(Entry):
    """A bound that a value must not cross; it may have to be crossed for a while to count."""

    above: QuantityText | None = None
    below: QuantityText | None = None
    for_minutes: float = Field(default=0, ge=0)
    """How long it must hold; 0 is at once."""
    severity: Severity | None = None
    """The severity of the incident it would be; by default P3 for a warning, P1 for a critical."""
    printed_as: str | None = None
    """The guide's own words, where ours differ."""

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise ValueError("a limit has exactly one of above and below")
        return self

    @property
    def text(self) -> str:
        """The limit as a person reads it, such as `> 1 % for 5 min`."""
        sign, bound = (">", self.above) if self.above is not None else ("<", self.below)
        held = f" for {self.for_minutes:g} min" if self.for_minutes else ""
        return f"{sign} {bound}{held}"


class Metric(Entry):
    """A number from Prometheus with its limits by severity."""

    title: str
    promql: Promql
    unit: Unit
    """The unit of the expression's value: ratio, seconds, bytes, count, …"""
    warning: list[Limit] = []
    critical: list[Limit] = []
    group: MetricGroup = "application"
    absent_is_zero: bool = False
    """True only where no series truly means none (a counter of errors that is born with the first)."""
    escalate_after_minutes: float | None = Field(default=None, gt=0)
    """A warning that holds longer becomes an incident."""
    runbook: Name | None = None

    @model_validator(mode="after")
    def _limits_speak_its_unit(self) -> Self:
        for limit in [*self.warning, *self.critical]:
            parse_quantity((limit.above if limit.above is not None else limit.below) or "", self.unit)
        return self


class Slo(Entry):
    """A service level objective: at least `target_ratio` of events are good."""

    title: str
    target_ratio: Ratio
    good: Promql
    """Good events per second; a share is good / total."""
    total: Promql
    measurement: str
    """How the guide words it."""
    window_days: int = Field(default=30, gt=0)
    alert_for_minutes: float = Field(default=5, ge=0)
    metric: Name | None = None
    """The metric whose limit states the same objective."""


class AlertRule(Entry):
    """A Prometheus alerting rule, with what to do when it fires."""

    expr: Promql
    for_minutes: float = Field(default=0, ge=0)
    severity: Severity
    label: str
    """The severity label that Prometheus carries, in the guide's word."""
    summary: str
    description: str | None = None
    issue_type: Name = "performance"
    printed_as: str | None = None
    """The expression as the guide prints it, where ours differs, and why."""
    runbook: Name | None = None
    escalate_after_minutes: float | None = Field(default=None, gt=0)


class Dashboard(Entry):
    """A dashboard that people look at, and the metrics behind it."""

    title: str
    url: Url
    purpose: str
    metrics: list[Name] = []
