"""Whether the alert rules hold, asked of Prometheus as of the run's moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from upkeep.catalog.models.metrics import AlertRule
from upkeep.checks.choice import choose
from upkeep.checks.context import Check, CheckContext
from upkeep.checks.measured import Line, read_lines, steps_in
from upkeep.checks.promql import metric_names, selectors
from upkeep.checks.registry import Parameters, Reads, register
from upkeep.checks.series import check_name, described, differing, keep_worst
from upkeep.findings import Finding, State


class AlertRulesParameters(Parameters):
    """Which rules."""

    rules: tuple[str, ...] = ()
    """Names of the system's alert rules; by default all."""


@register("alert_rules", reads=Reads.HISTORY, parameters=AlertRulesParameters)
def alert_rules(context: CheckContext, parameters: AlertRulesParameters) -> Iterable[Check]:
    """Alert rules: P0 and P1 that hold for their time are critical, P2 and P3 a warning.

    A rule whose expression reads nothing that exists is unknown, not ok.
    """
    for name, rule in choose(context.system.alerts, parameters.rules, "alert rule").items():
        question = _Question(context, name, rule)
        yield Check(name=question.check, source=question.source, present=False, ask=question.ask)


@dataclass(frozen=True)
class _Question:
    """One rule as of one moment."""

    context: CheckContext
    name: str
    rule: AlertRule

    @property
    def check(self) -> str:
        return f"rule_{self.name}"

    @property
    def source(self) -> str:
        return f"prometheus: {self.rule.expr}"

    def ask(self) -> Sequence[Finding]:
        """Return one finding for each series that fires, or one that says that none does."""
        lines = read_lines(self.context, self.rule.expr, self.rule.for_minutes)
        true_now = [line for line in lines if line.value_at(self.context.as_of) is not None]
        firing = [line for line in true_now if self._held(line)]
        if firing:
            told = differing([line.labels for line in firing])
            return keep_worst(map(self._fires, firing, told), self.check)
        if not true_now and not self._reads_something():
            return [self._nothing_read()]
        waiting = f", true for {len(true_now)} series but not yet for its time" if true_now else ""
        return [
            self._finding({}, State.OK, f"{self.name}: not firing{waiting}", {"true_now": len(true_now)}, 0)
        ]

    def _held(self, line: Line) -> bool:
        if not self.rule.for_minutes:
            return True
        return len(line.points) > steps_in(self.rule.for_minutes)

    def _reads_something(self) -> bool:
        """True if a selector of the expression has a series, or the catalog says that none means none."""
        zero = {name for metric in self.context.system.metrics.values() if metric.absent_is_zero
                for name in metric_names(metric.promql)}  # fmt: skip
        if metric_names(self.rule.expr) & zero:
            return True
        prometheus = self.context.clients.prometheus()
        return any(
            prometheus.instant(f"count({one})", self.context.as_of) for one in selectors(self.rule.expr)
        )

    def _fires(self, line: Line, told: dict[str, str]) -> Finding:
        state = State.CRITICAL if self.rule.severity in ("P0", "P1") else State.WARNING
        summary = f"{self.name}{described(told)} fires: {self.rule.summary}"
        evidence = {"labels": dict(line.labels), "value": line.points[-1][1]}
        return self._finding(told, state, summary, evidence, 1)

    def _finding(
        self, told: dict[str, str], state: State, summary: str, evidence: dict[str, object], value: float
    ) -> Finding:
        held = f" for {self.rule.for_minutes:g} min" if self.rule.for_minutes else ""
        return Finding(
            check=check_name(self.check, told),
            state=state,
            summary=summary,
            source=self.source,
            observed_at=self.context.as_of,
            value=value,
            unit="count",
            limit=f"{self.rule.expr}{held}",
            limit_value=0,
            evidence={
                **evidence,
                "severity": self.rule.severity,
                "issue_type": self.rule.issue_type,
                **({"description": self.rule.description} if self.rule.description else {}),
            },
            runbook=self.rule.runbook,
        )

    def _nothing_read(self) -> Finding:
        return Finding(
            check=self.check,
            state=State.UNKNOWN,
            summary=f"{self.name}: not known",
            source=self.source,
            observed_at=self.context.as_of,
            reason="nothing that the rule reads has a series, so it could not fire: "
            f"{', '.join(selectors(self.rule.expr))}",
            runbook=self.rule.runbook,
        )
