"""Time in the cluster: the wall clock, except while the seed simulates the past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """The time that every part of the cluster reads."""

    def __init__(self) -> None:
        self._frozen: datetime | None = None

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return self._frozen or datetime.now(UTC)

    def freeze(self, moment: datetime) -> None:
        """Stand still at `moment` until `release` or the next `freeze`."""
        self._frozen = moment

    def release(self) -> None:
        """Follow the wall clock again."""
        self._frozen = None

    def stamp(self) -> str:
        """Return the current time as the API writes it."""
        return stamp(self.now())


def stamp(moment: datetime) -> str:
    """Return `moment` as the API writes times: RFC 3339, whole seconds, UTC.

    >>> stamp(datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC))
    '2026-01-02T03:04:05Z'
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp_fine(moment: datetime) -> str:
    """Return `moment` in nanoseconds' width, as log lines and leases carry it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


def parse(text: str) -> datetime:
    """Return the time that `text` (RFC 3339) names; raise ValueError if it names none.

    >>> parse("2026-01-02T03:04:05.123456789Z").microsecond
    123456
    """
    head, dot, tail = text.partition(".")
    if dot:
        digits = tail.rstrip("Zz").split("+")[0].split("-")[0]
        text = f"{head}.{digits[:6]}{tail[len(digits) :]}"
    moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def seconds_since(text: str, now: datetime) -> float:
    """Return the seconds from the time in `text` to `now`."""
    return (now - parse(text)) / timedelta(seconds=1)


def duration(seconds: float) -> str:
    """Return a time span in the one or two units that matter.

    >>> duration(45), duration(300), duration(3 * 3600), duration(9 * 86400)
    ('45s', '5m', '3h', '9d')
    """
    if seconds < 120:
        return f"{int(max(seconds, 0))}s"
    for unit, size, limit in (("m", 60, 180 * 60), ("h", 3600, 48 * 3600)):
        if seconds < limit:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds // 86400)}d"
