"""A database's own view of itself: connections, slow statements, replication, size and growth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
    asks = _mysql_asks if engine == "mysql" else _postgres_asks
    # The engine's name in front keeps them apart from the catalog's metrics of the same task.
    return [
        Check(name=f"{engine}_server_{name}", source=source.name, present=True, ask=ask)
        for name, ask in asks(context, source, limits).items()
    ]


Asks = Mapping[str, Callable[[], Finding | Sequence[Finding]]]


def _mysql_asks(context: CheckContext, source: Source, limits: DatabaseLimits) -> Asks:
    def size() -> list[Finding]:
        sizes = context.clients.mysql().database_sizes()
        return _sizes(context, source, "mysql_server_size", {one.name: one.total_bytes for one in sizes})

    return {
        "connections": lambda: _mysql_connections(context, source, limits),
        "slow_queries": lambda: _mysql_slow_queries(context, source),
        "replication": lambda: _mysql_replication(context, source, limits),
        "size": size,
    }


def _postgres_asks(context: CheckContext, source: Source, limits: DatabaseLimits) -> Asks:
    def size() -> list[Finding]:
        sizes = context.clients.postgres().database_sizes()
        return _sizes(context, source, "postgres_server_size", {one.name: one.total_bytes for one in sizes})

    return {
        "connections": lambda: _postgres_connections(context, source, limits),
        "slow_queries": lambda: _postgres_statements(context, source),
        "replication": lambda: _postgres_replication(context, source, limits),
        "size": size,
    }


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
    return source.number("mysql_server_connections", title, quantity, limits.connections(), evidence)


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
    return source.number("postgres_server_connections", title, quantity, limits.connections(), evidence)


def _mysql_slow_queries(context: CheckContext, source: Source) -> Finding:
    """Return the server's count; the ledger's last one tells how many are new."""
    check = "mysql_server_slow_queries"
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
    check, title = "postgres_server_slow_queries", "Mean time of the statement that took most time"
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
        check = check_name("mysql_server_replication", {"channel": one.channel} if one.channel else {})
        if one.lag_seconds is None:
            text = f"The replica does not follow {one.source}: {one.problem or 'it says no reason'}"
            found.append(source.told(check, State.CRITICAL, text))
        else:
            title = f"Replication behind {one.source}"
            found.append(source.number(check, title, (float(one.lag_seconds), "seconds"), limits.lag()))
    return found or [source.told("mysql_server_replication", State.OK, "The database is no replica")]


def _postgres_replication(context: CheckContext, source: Source, limits: DatabaseLimits) -> list[Finding]:
    role = context.clients.postgres().replication()
    if role.is_standby:
        if role.lag_seconds is None or not role.is_streaming:
            text = "The standby does not follow its primary"
            return [source.told("postgres_server_replication", State.CRITICAL, text)]
        quantity = (role.lag_seconds, "seconds")
        title = "Replication behind the primary"
        return [source.number("postgres_server_replication", title, quantity, limits.lag())]
    found = []
    # Replicas that were not given names of their own all call themselves walreceiver.
    for number, one in enumerate(sorted(role.replicas, key=lambda r: (r.name, -r.lag_seconds)), start=1):
        evidence = {
            "state": one.state,
            "sync": one.sync_state,
            "behind": format_value(one.lag_bytes, "bytes"),
        }
        alone = sum(other.name == one.name for other in role.replicas) == 1
        labels = {"replica": one.name} if alone else {"replica": one.name, "number": str(number)}
        check = check_name("postgres_server_replication", labels)
        quantity = (one.lag_seconds, "seconds")
        title = f"Replica {one.name} behind"
        found.append(source.number(check, title, quantity, limits.lag(), evidence))
    return found or [source.told("postgres_server_replication", State.OK, "No replica follows the database")]


def _sizes(context: CheckContext, source: Source, check: str, sizes: Mapping[str, int]) -> list[Finding]:
    found = [
        _size(context, source, check_name(check, {"database": name}), size) for name, size in sizes.items()
    ]
    return keep_worst(found, check) or [
        source.unknown(check, "Database size", "the server lists no database")
    ]


def _size(context: CheckContext, source: Source, check: str, size: int) -> Finding:
    """Return a database's size, with its growth as far as the ledger remembers."""
    title = "Size of the database"
    finding = source.number(check, title, (float(size), "bytes"))
    since = context.as_of - _GROWTH_SEEN
    past = context.history.measurements(check, since, _just_before(context))
    if not past or context.as_of - past[0].at < _GROWTH_LEAST or past[0].value <= 0:
        return finding
    months = (context.as_of - past[0].at) / timedelta(days=30)
    growth = (size / past[0].value - 1) / months
    plan = context.system.capacity.growth
    expected = plan.data_monthly_ratio if plan else None
    too_fast = expected is not None and growth > expected * _GROWTH_TOO_FAST
    told = f"{finding.summary}, growing {format_value(growth, 'ratio')} a month"
    return replace(
        finding,
        state=State.WARNING if too_fast else State.OK,
        summary=told + (f", expected are {format_value(expected, 'ratio')}" if expected is not None else ""),
        evidence={
            "monthly_growth": format_value(growth, "ratio"),
            "compared_with": past[0].at.isoformat(),
        },
    )


def _just_before(context: CheckContext) -> datetime:
    """Return the moment before the run's: a repeated attempt must not compare with itself."""
    return context.as_of - timedelta(microseconds=1)
