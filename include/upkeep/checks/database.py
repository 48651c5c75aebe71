"""A database's own view of itself: connections, slow statements, replication, size and growth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from upkeep.catalog.models import Limit
from upkeep.checks.context import Check, CheckContext
from upkeep.checks.judged import Source
from upkeep.checks.limits import Bound, bounds
from upkeep.checks.series import check_name, keep_worst
from upkeep.checks.usage import above
from upkeep.findings import Finding, State
from upkeep.findings.units import format_value

_MOST_SHOWN = 5
_GROWTH_SEEN = timedelta(days=35)
_GROWTH_LEAST = timedelta(days=7)
"""Growth over less time than a week is the weekly rhythm."""
_GROWTH_TOO_FAST = 2.0
"""Times the growth that the catalog expects, above which it is a warning."""

Engine = Literal["mysql", "postgres"]


@dataclass(frozen=True)
class DatabaseLimits:
    """Limits on connections (shares) and on how far replicas lag (seconds)."""

    connections_warn_ratio: float
    connections_critical_ratio: float
    lag_warn_seconds: float
    lag_critical_seconds: float

    def connections(self) -> list[Bound]:
        """Above all of them, nobody gets in."""
        return bounds([above(self.connections_warn_ratio)], [above(self.connections_critical_ratio)])

    def lag(self) -> list[Bound]:
        """What the replica lacks is lost if the primary is."""
        warning, critical = (f"{s:g} s" for s in (self.lag_warn_seconds, self.lag_critical_seconds))
        return bounds([Limit(above=warning)], [Limit(above=critical)])


def database_checks(context: CheckContext, engine: Engine, limits: DatabaseLimits) -> list[Check]:
    """Return the checks of the system's database; each stands if another has no answer."""
    source = Source(f"{engine}: the server's own status", context.as_of)
    asked: Mapping[str, Callable[[], Finding | Sequence[Finding]]]
    if engine == "mysql":
        asked = {
            "database_connections": lambda: _mysql_connections(context, source, limits),
            "database_slow_queries": lambda: _mysql_slow_queries(context, source),
            "database_replication": lambda: _mysql_replication(context, source, limits),
            "database_size": lambda: _sizes(
                context,
                source,
                ((one.name, one.total_bytes) for one in context.clients.mysql().database_sizes()),
            ),
        }
    else:
        asked = {
            "database_connections": lambda: _postgres_connections(context, source, limits),
            "database_slow_queries": lambda: _postgres_statements(context, source),
            "database_replication": lambda: _postgres_replication(context, source, limits),
            "database_size": lambda: _sizes(
                context,
                source,
                ((one.name, one.total_bytes) for one in context.clients.postgres().database_sizes()),
            ),
        }
    return [Check(name=name, source=source.name, present=True, ask=ask) for name, ask in asked.items()]


def _mysql_connections(context: CheckContext, source: Source, limits: DatabaseLimits) -> Finding:
    mysql = context.clients.mysql()
    found = mysql.connections()
    busy = [one for one in mysql.processes() if one.query][:_MOST_SHOWN]
    evidence = {
        "used": found.used,
        "maximum": found.maximum,
        "most_used": found.most_used,
        "longest": [[one.user, format_value(one.seconds, "seconds"), one.query] for one in busy],
    }
    quantity = (found.used_ratio, "ratio")
    title = "Database connections in use"
    return source.number("database_connections", title, quantity, limits.connections(), evidence)


def _postgres_connections(context: CheckContext, source: Source, limits: DatabaseLimits) -> Finding:
    postgres = context.clients.postgres()
    found, oldest = postgres.connections(), postgres.oldest_transaction()
    evidence: dict[str, Any] = {"by_state": dict(found.by_state), "maximum": found.maximum}
    if oldest:
        age = format_value(oldest.age_seconds, "seconds")
        evidence["oldest_transaction"] = [oldest.user, oldest.state, age, oldest.query]
    if blocked := postgres.blocked()[:_MOST_SHOWN]:
        evidence["waiting_for_locks"] = [
            [one.pid, list(one.blocked_by), format_value(one.waited_seconds, "seconds"), one.query]
            for one in blocked
        ]
    quantity = (found.used_ratio, "ratio")
    title = "Database connections in use"
    return source.number("database_connections", title, quantity, limits.connections(), evidence)


def _mysql_slow_queries(context: CheckContext, source: Source) -> Finding:
    """Return the server's count; the ledger's last one tells how many are new."""
    check = "database_slow_queries"
    found = context.clients.mysql().slow_queries()
    slow = format_value(found.threshold_seconds, "seconds")
    evidence: dict[str, Any] = {"uptime": format_value(found.uptime_seconds, "seconds")}
    evidence["logged"] = found.log_enabled
    before = context.history.measurements(check, context.as_of - _GROWTH_SEEN, _just_before(context))
    if before and found.count >= before[-1].value:
        evidence["new"] = round(found.count - before[-1].value)
        evidence["new_since"] = before[-1].at.isoformat()
    title = f"Slow queries (over {slow}) since the server started"
    return source.number(check, title, (float(found.count), "count"), (), evidence)


def _postgres_statements(context: CheckContext, source: Source) -> Finding:
    check, title = "database_slow_queries", "Mean time of the statement that took most time"
    found = context.clients.postgres().top_statements(_MOST_SHOWN)
    if found.problem:
        return source.unknown(check, title, found.problem)
    if not found.statements:
        return source.unknown(check, title, "no statement has been run since the statistics were reset")
    evidence = {
        "top": [
            {
                "query": one.query,
                "calls": one.calls,
                "mean": format_value(one.mean_seconds, "seconds"),
                "total": format_value(one.total_seconds, "seconds"),
            }
            for one in found.statements
        ]
    }
    return source.number(check, title, (found.statements[0].mean_seconds, "seconds"), (), evidence)


def _mysql_replication(context: CheckContext, source: Source, limits: DatabaseLimits) -> list[Finding]:
    found = []
    for one in context.clients.mysql().replication():
        check = check_name("database_replication", {"channel": one.channel} if one.channel else {})
        if one.lag_seconds is None:
            text = f"The replica does not follow {one.source}: {one.problem or 'it says no reason'}"
            found.append(source.told(check, State.CRITICAL, text))
        else:
            title = f"Replication behind {one.source}"
            found.append(source.number(check, title, (float(one.lag_seconds), "seconds"), limits.lag()))
    return found or [source.told("database_replication", State.OK, "The database is no replica")]


def _postgres_replication(context: CheckContext, source: Source, limits: DatabaseLimits) -> list[Finding]:
    role = context.clients.postgres().replication()
    if role.is_standby:
        if role.lag_seconds is None or not role.is_streaming:
            text = "The standby does not follow its primary"
            return [source.told("database_replication", State.CRITICAL, text)]
        quantity = (role.lag_seconds, "seconds")
        title = "Replication behind the primary"
        return [source.number("database_replication", title, quantity, limits.lag())]
    found = []
    for one in role.replicas:
        evidence = {
            "state": one.state,
            "sync": one.sync_state,
            "behind": format_value(one.lag_bytes, "bytes"),
        }
        check = check_name("database_replication", {"replica": one.name})
        quantity = (one.lag_seconds, "seconds")
        title = f"Replica {one.name} behind"
        found.append(source.number(check, title, quantity, limits.lag(), evidence))
    return found or [source.told("database_replication", State.OK, "No replica follows the database")]


def _sizes(context: CheckContext, source: Source, sizes: Iterable[tuple[str, int]]) -> list[Finding]:
    found = [_size(context, source, name, size) for name, size in sizes]
    if not found:
        return [source.unknown("database_size", "Database size", "the server lists no database")]
    return keep_worst(found, "database_size")


def _size(context: CheckContext, source: Source, name: str, size: int) -> Finding:
    """Return a database's size, with its growth as far as the ledger remembers."""
    check, title = check_name("database_size", {"database": name}), f"Size of the database {name}"
    finding = source.number(check, title, (float(size), "bytes"))
    since = context.as_of - _GROWTH_SEEN
    past = context.history.measurements(check, since, _just_before(context))
    if not past or context.as_of - past[0].at < _GROWTH_LEAST or past[0].value <= 0:
        return finding
    months = (context.as_of - past[0].at) / timedelta(days=30)
    growth = (size / past[0].value - 1) / months
    expected = context.system.capacity.growth and context.system.capacity.growth.data_monthly_ratio
    of = bounds([above(expected * _GROWTH_TOO_FAST)], []) if expected else []
    grown = source.number(check, f"{title} grows each month by", (growth, "ratio"), of)
    evidence = {"monthly_growth": format_value(growth, "ratio"), "compared_with": past[0].at.isoformat()}
    return Finding(
        check=check,
        state=grown.state,
        summary=f"{finding.summary}, growing {format_value(growth, 'ratio')} a month"
        + (f", expected are {format_value(expected, 'ratio')}" if expected else ""),
        source=source.name,
        observed_at=source.at,
        value=float(size),
        unit="bytes",
        evidence=evidence,
    )


def _just_before(context: CheckContext) -> datetime:
    """Return the moment before the run's: a repeated attempt must not compare with itself."""
    return context.as_of - timedelta(microseconds=1)
