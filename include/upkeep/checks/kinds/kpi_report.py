"""The KPIs of a guide over the period of a run: incidents from the ledger, shares from Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from upkeep.catalog.models.operations import Kpi
from upkeep.checks.choice import choose
from upkeep.checks.context import Check, CheckContext, PastIncident
from upkeep.checks.incident_times import Span, Times, What, spans, tier_spans, times
from upkeep.checks.objectives import STEP, good_share, one_line
from upkeep.checks.registry import Parameters, Reads, register
from upkeep.findings import Finding, State
from upkeep.findings.units import format_against, format_value

LEDGER = "ledger: incidents"
MOST_SHOWN = 3
"""Incidents that the evidence names: the slowest."""

LEAST_DATA = 0.5
"""A share of a period of which less than this has data speaks of another period: it is unknown."""


class KpiReportParameters(Parameters):
    """Which KPIs."""

    kpis: tuple[str, ...] = ()
    """Names of the system's KPIs; by default all."""


@register("kpi_report", reads=Reads.HISTORY, parameters=KpiReportParameters)
def kpi_report(context: CheckContext, parameters: KpiReportParameters) -> Iterable[Check]:
    """KPIs of the period: mean times of incidents, shares, and the targets of severities and tiers.

    A KPI, or a severity's or tier's target, that was missed is a warning: what has passed cannot be mended.
    A period without incidents is ok and says so, if the ledger already knew the system then; else it is
    unknown. A KPI without a source is unknown.
    """
    chosen = choose(context.system.kpis, parameters.kpis, "KPI")
    timed = {name: kpi for name, kpi in chosen.items() if kpi.incidents}
    yield Check(name="incidents", source=LEDGER, present=False, ask=_Incidents(context, timed).ask)
    for name, kpi in chosen.items():
        if name not in timed:
            share = _Share(context, f"kpi_{name}", kpi)
            yield Check(name=share.check, source=share.source, present=False, ask=share.ask)


@dataclass(frozen=True)
class _Target:
    """What is measured: check, title, which spans, the seconds, and whether each counts or the mean."""

    check: str
    title: str
    spans: Sequence[Span]
    seconds: float
    each: bool


@dataclass(frozen=True)
class _Incidents:
    """Everything that the incidents of the period tell."""

    context: CheckContext
    kpis: dict[str, Kpi]

    def ask(self) -> list[Finding]:
        """Return the findings, each unknown where the ledger did not know the system in the period yet."""
        since, until = self.context.since, self.context.as_of
        known = self.context.history.known_since()
        if known is None or known >= until:
            reason = "the ledger knows this system only since " + (known.isoformat() if known else "now")
            unknown = [("incidents", "Incidents"), *((one.check, one.title) for one in self._targets([]))]
            return [_unknown(self.context, check, LEDGER, title, reason) for check, title in unknown]
        found = self.context.history.incidents(since, until)
        # The system was not looked after in the whole period: the report must not read as if it had been.
        evidence = {"known_since": known.isoformat()} if known > since else {}
        return [
            self._count(found, evidence),
            *(self._finding(target, evidence) for target in self._targets(found)),
        ]

    def _targets(self, found: Sequence[PastIncident]) -> Iterator[_Target]:
        system, as_of = self.context.system, self.context.as_of
        for name, kpi in self.kpis.items():
            if kpi.incidents and kpi.below_minutes:
                of = spans(found, kpi.incidents, as_of)
                yield _Target(f"kpi_{name}", kpi.title, of, kpi.below_minutes * 60, each=False)
        for severity, target in system.escalation.severities.items():
            such = [one for one in found if one.severity == severity]
            promised: list[tuple[What, str, int]] = [
                ("response", "answered", target.response_minutes),
                ("recovery", "resolved", target.resolution_minutes),
            ]
            for what, word, minutes in promised:
                title = f"{target.title} ({severity}) {word}"
                yield _Target(
                    f"{what}_{severity.lower()}", title, spans(such, what, as_of), minutes * 60, each=True
                )
        for name, tier in system.tiers.items():
            owners = [owner for owner, entry in system.owners.items() if entry.tier == name]
            of = tier_spans(found, owners, as_of)
            yield _Target(f"tier_{name}", f"{tier.title} answers", of, tier.response_minutes * 60, each=True)

    def _count(self, found: Sequence[PastIncident], evidence: dict[str, Any]) -> Finding:
        severities = Counter(one.severity for one in found)
        by_severity = ", ".join(f"{count} {name}" for name, count in sorted(severities.items()))
        still_open = sum(one.resolved_at is None for one in found)
        said = f"{len(found)} incidents: {by_severity}; {still_open} still open" if found else "no incidents"
        since = f"since {evidence['known_since'][:10]}" if evidence else "in the period"
        return Finding(
            check="incidents",
            state=State.OK,
            summary=f"{said} {since}" if evidence or not found else said,
            source=LEDGER,
            observed_at=self.context.as_of,
            value=float(len(found)),
            unit="count",
            evidence=evidence | {"by_severity": dict(severities)},
        )

    def _finding(self, target: _Target, evidence: dict[str, Any]) -> Finding:
        took = times(target.spans, target.seconds)
        value = took.longest if target.each else took.mean
        state = State.WARNING if value is not None and value > target.seconds else State.OK
        return Finding(
            check=target.check,
            state=state,
            summary=f"{target.title}: {_sentence(took, target)}",
            source=LEDGER,
            observed_at=self.context.as_of,
            value=value,
            unit="seconds",
            limit=f"> {format_value(target.seconds, 'seconds')}",
            limit_value=target.seconds,
            evidence=evidence | _details(took, target),
        )


def _sentence(took: Times, target: _Target) -> str:
    waiting = f"{took.waiting} not yet" if took.waiting else ""
    if took.mean is None:
        return waiting or "no incidents in the period"
    said = [
        f"mean {format_against(took.mean, target.seconds, 'seconds')}",
        f"95 % within {format_value(took.within(0.95), 'seconds')}",
        f"of {len(took.seconds)}",
    ]
    late = sum(one > target.seconds for one in took.seconds)
    said += [f"{late} beyond {format_value(target.seconds, 'seconds')}"] if late else []
    return ", ".join([*said, *([waiting] if waiting else [])])


def _details(took: Times, target: _Target) -> dict[str, Any]:
    return {
        "number": len(took.seconds),
        "mean_seconds": took.mean,
        "p95_seconds": took.within(0.95),
        "longest_seconds": list(took.seconds[: -MOST_SHOWN - 1 : -1]),
        "beyond_target": sum(one > target.seconds for one in took.seconds),
        "waiting": took.waiting,
    }


@dataclass(frozen=True)
class _Share:
    """A KPI that is a share: of an objective's good events, or the mean of a metric."""

    context: CheckContext
    check: str
    kpi: Kpi

    @property
    def source(self) -> str:
        """Where the share comes from."""
        if self.kpi.slo:
            objective = self.context.system.slos[self.kpi.slo]
            return f"prometheus: ({objective.good}) / ({objective.total})"
        if self.kpi.metric:
            return f"prometheus: {self.context.system.metrics[self.kpi.metric].promql}"
        return "none"

    def ask(self) -> Finding:
        """Return the share over the period against the KPI's ratio."""
        target = self.kpi.above_ratio or 0.0
        found = self._read(self.context.as_of - self.context.since)
        if isinstance(found, str):
            return _unknown(self.context, self.check, self.source, self.kpi.title, found)
        ratio, days = found
        period = (self.context.as_of - self.context.since) / timedelta(days=1)
        if days < LEAST_DATA * period:
            reason = f"Prometheus has data of {days:g} of the period's {period:.3g} days"
            return _unknown(self.context, self.check, self.source, self.kpi.title, reason)
        limit = f"< {format_value(target, 'ratio')}"
        return Finding(
            check=self.check,
            state=State.WARNING if ratio < target else State.OK,
            summary=f"{self.kpi.title}: {format_against(ratio, target, 'ratio')} over {period:.3g} d",
            source=self.source,
            observed_at=self.context.as_of,
            value=ratio,
            unit="ratio",
            limit=limit,
            limit_value=target,
            evidence={"days_with_data": days},
        )

    def _read(self, over: timedelta) -> tuple[float, float] | str:
        """Return the share and the days with data, or why there is none."""
        if self.kpi.slo:
            share = good_share(self.context, self.context.system.slos[self.kpi.slo], over)
            return share if isinstance(share, str) else (share.ratio, share.days_with_data)
        if self.kpi.metric is None:
            return "the catalog names no source; name one as `slo` or `metric` of the KPI"
        expr = self.context.system.metrics[self.kpi.metric].promql
        span = f"[{over.total_seconds():.0f}s:{STEP.total_seconds():.0f}s]"
        mean = one_line(self.context, f"avg_over_time(({expr}){span})")
        count = one_line(self.context, f"count_over_time(({expr}){span})")
        if mean is None or count is None:
            return "no data: the metric has no value in the period"
        return mean.points[-1][1], round(count.points[-1][1] * (STEP / timedelta(days=1)), 2)


def _unknown(context: CheckContext, check: str, source: str, title: str, reason: str) -> Finding:
    return Finding(
        check=check,
        state=State.UNKNOWN,
        summary=f"{title}: not known",
        source=source,
        observed_at=context.as_of,
        reason=reason,
    )
