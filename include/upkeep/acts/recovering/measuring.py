"""What a recovery took, against the system's targets and the earlier times."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from upkeep.acts.model import Act
from upkeep.acts.recovering.findings import check_of, recovery_finding
from upkeep.acts.recovering.record import earlier
from upkeep.findings import Finding, State
from upkeep.findings.units import format_value
from upkeep.ledger.recoveries import Past
from upkeep.recoveries.model import Recovery


def last_time(act: Act, one: Recovery) -> list[str]:
    """Return what a plan says of how long it took last time."""
    last = earlier(act, one, most=1)
    if not last:
        return ["It has not been done before: how long it takes is not known"]
    kind = "a drill" if last[0].drill else "a recovery"
    return [f"Last time, {last[0].began_at:%Y-%m-%d} ({kind}), it took {_long(last[0].rto)}"]


def against_targets(act: Act, one: Recovery, took: Past) -> list[Finding]:
    """Return the time it took, and the work it lost where there was data, against the objectives."""
    targets = act.system.recovery_targets
    before = [_long(past.rto) for past in earlier(act, one)]
    trend = f"; the {len(before)} before took {', '.join(before[:5])}" if before else ""
    most = targets.rto_minutes * 60.0 if targets else None
    lost = targets.rpo_minutes * 60.0 if targets else None
    said = f"It took {_long(took.rto)} to recover{trend}"
    findings = [_measured(act, check_of("time", one), took.rto, most, said)]
    if took.rpo is not None:
        said = f"The work of {_long(took.rpo)} was lost"
        findings.append(_measured(act, check_of("loss", one), took.rpo, lost, said))
    return findings


def _measured(act: Act, check: str, took: timedelta, most: float | None, said: str) -> Finding:
    seconds = took.total_seconds()
    over = most is not None and seconds > most
    aim = f"; the objective is {format_value(most, 'seconds')}" if most is not None else ""
    limit = f"> {format_value(most, 'seconds')}" if most is not None else None
    made = recovery_finding(act, check, State.CRITICAL if over else State.OK, said + aim)
    return replace(made, value=seconds, unit="seconds", limit=limit, limit_value=most)


def _long(took: timedelta) -> str:
    return format_value(took.total_seconds(), "seconds")
