"""The archive of the logs of the day that ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field

from upkeep.checks.context import Check, CheckContext
from upkeep.checks.registry import Parameters, Reads, register
from upkeep.checks.workload import workload_of
from upkeep.errors import BadAnswer, TemporaryError, excerpt
from upkeep.findings import Finding, State
from upkeep.findings.units import format_value

_EARLIER_DAYS = 14
_FEWEST_TO_COMPARE = 3
_SMALL_SHARE = 0.2
"""Of the usual size: logs vary from day to day, but not by more than that."""


class LogArchiveParameters(Parameters):
    """Where the archive's index is, and when it must be there."""

    config_map: str = "log-archive-index"
    """The index: a config map, `YYYY-MM-DD` → JSON with `files` (count or list), `bytes`, `finished_at`."""
    selector: str = "app=log-archiver"
    """Label selector of the pods that archive."""
    oldest_hours: float = Field(default=26, gt=0)
    """The newest archive must not have been finished longer ago than this."""
    grace_minutes: float = Field(default=15, gt=0)
    """How long after midnight the day's archive may take."""


@dataclass(frozen=True)
class Entry:
    """One day's entry in the index."""

    day: date
    files: int
    size_bytes: float
    finished_at: datetime | None


@register("log_archive", reads=Reads.PRESENT, parameters=LogArchiveParameters)
def log_archive(context: CheckContext, parameters: LogArchiveParameters) -> Iterable[Check]:
    """Log archive: that of the day that ended exists, is whole and of plausible size; the archiver runs."""
    namespace = workload_of(context).namespace
    index = f"kubernetes: configmap {namespace}/{parameters.config_map}"
    review = ArchiveReview(context, parameters, index, lambda: datetime.now(UTC))
    pods = f"kubernetes: pods {parameters.selector} of {namespace}"
    return [
        Check(name="log_archive", source=index, present=True, ask=lambda: review.ask(namespace)),
        Check(
            name="log_archiver",
            source=pods,
            present=True,
            ask=lambda: _archiver(context, namespace, parameters.selector, pods),
        ),
    ]


@dataclass(frozen=True)
class ArchiveReview:
    """The index as of one moment. clock: what time it really is, for what may still come."""

    context: CheckContext
    parameters: LogArchiveParameters
    source: str
    clock: Callable[[], datetime]

    def ask(self, namespace: str) -> Sequence[Finding]:
        """Read the index and judge it."""
        data = self.context.clients.kubernetes().config_map(namespace, self.parameters.config_map)
        return self.judge(data)

    def judge(self, data: Mapping[str, str]) -> Sequence[Finding]:
        """Return the findings; raises TemporaryError while the day's archive may still come."""
        days = sorted((day for key in data if (day := _day(key))), reverse=True)
        zone = ZoneInfo(self.context.system.timezone)
        today = self.context.as_of.astimezone(zone).date()
        ended = today - timedelta(days=1)
        earlier = [_entry(day, data[day.isoformat()]) for day in days if day < ended][:_EARLIER_DAYS]
        if ended not in days:
            midnight = datetime(today.year, today.month, today.day, tzinfo=zone)
            latest = midnight + timedelta(minutes=self.parameters.grace_minutes)
            if self.clock() < latest:
                raise TemporaryError(f"no archive of {ended} yet; it has until {latest.isoformat()}")
            newest = f"the newest is of {days[0]}" if days else "there is none at all"
            return [
                self._finding(
                    State.CRITICAL, f"The log archive of {ended} is missing; {newest}", None, earlier
                )
            ]
        entry = _entry(ended, data[ended.isoformat()])
        return [self._judged(entry, earlier)]

    def _judged(self, entry: Entry, earlier: Sequence[Entry]) -> Finding:
        size = format_value(entry.size_bytes, "bytes")
        told = f"The log archive of {entry.day} has {entry.files} files, {size}"
        if entry.finished_at is None:
            return self._finding(State.CRITICAL, f"{told}; it was begun and not finished", entry, earlier)
        if entry.files == 0 or entry.size_bytes == 0:
            return self._finding(State.CRITICAL, f"{told}: it is empty", entry, earlier)
        age = (self.context.as_of - entry.finished_at).total_seconds()
        if age > self.parameters.oldest_hours * 3600:
            old = f"{told}; it was finished {format_value(age, 'seconds')} ago"
            return self._finding(State.WARNING, old, entry, earlier)
        usual = median(e.size_bytes for e in earlier) if len(earlier) >= _FEWEST_TO_COMPARE else 0.0
        if entry.size_bytes < usual * _SMALL_SHARE:
            small = f"{told}; usual are {format_value(usual, 'bytes')}"
            return self._finding(State.WARNING, small, entry, earlier)
        return self._finding(State.OK, told, entry, earlier)

    def _finding(self, state: State, summary: str, entry: Entry | None, earlier: Sequence[Entry]) -> Finding:
        sizes = [[e.day.isoformat(), format_value(e.size_bytes, "bytes")] for e in earlier]
        evidence: dict[str, Any] = {"earlier": sizes}
        if entry and entry.finished_at:
            evidence["finished_at"] = entry.finished_at.isoformat()
        return Finding(
            check="log_archive",
            state=state,
            summary=summary,
            source=self.source,
            observed_at=self.context.as_of,
            value=entry.size_bytes if entry else None,
            unit="bytes",
            evidence=evidence,
        )


def _day(key: str) -> date | None:
    try:
        return date.fromisoformat(key)
    except ValueError:
        return None


def _entry(day: date, value: str) -> Entry:
    """Read one entry. Raises BadAnswer if it is not what the index should hold."""
    try:
        found = json.loads(value)
        files, finished = found["files"], found.get("finished_at")
        return Entry(
            day,
            len(files) if isinstance(files, list) else int(files),
            float(found["bytes"]),
            datetime.fromisoformat(finished).astimezone(UTC) if finished else None,
        )
    except (ValueError, TypeError, KeyError, AttributeError) as e:
        raise BadAnswer(f"the log archive's index entry of {day} cannot be read: {excerpt(value)!r}") from e


def _archiver(context: CheckContext, namespace: str, selector: str, source: str) -> Finding:
    pods = list(context.clients.kubernetes().pods(namespace, selector))
    ready = [pod for pod in pods if pod.ready]
    return Finding(
        check="log_archiver",
        state=State.OK if ready else State.CRITICAL,
        summary=f"{len(ready)} of {len(pods)} pods of the log archiver are ready",
        source=source,
        observed_at=context.as_of,
        value=float(len(ready)),
        unit="count",
        limit="< 1",
        limit_value=1.0,
        evidence={"pods": [[pod.name, pod.phase, *pod.waiting] for pod in pods[:10]]},
    )
