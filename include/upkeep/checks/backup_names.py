"""What the names of backup objects tell: when a backup was made, which objects belong together.

A name usually carries its time (`backup-20240101-020000.sql`, `database/2024/01/01/0200.dump`). That time
was chosen when the backup began, so it says which slot a backup belongs to, which the time of the last
change of a copied object does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

_STAMP = re.compile(
    r"(?<!\d)(?P<date>(?P<y>20\d\d)(?P<s>[-/]?)(?P<m>[01]\d)(?P=s)(?P<d>[0-3]\d))"
    r"(?:[Tt_-]?(?P<H>[0-2]\d)(?P<t>[:-]?)(?P<M>[0-5]\d)(?:(?P=t)(?P<S>[0-5]\d))?(?P<utc>[Zz]?))?(?!\d)"
)

MARKERS = ("manifest.json", "_SUCCESS", ".sha256", ".sha256sum", ".md5")
"""Ends of the names of objects that are written last, or that prove others: not data."""


@dataclass(frozen=True)
class Stamp:
    """The time in a name: its text, where the day begins in it, and whether it has a time of day."""

    text: str
    moment: datetime
    has_time: bool
    start: int
    day_format: str
    """How the day is written, for `strftime`."""


@dataclass(frozen=True)
class StoredObject:
    """One object of a bucket."""

    key: str
    size_bytes: int
    changed_at: datetime

    @property
    def is_marker(self) -> bool:
        """True if the object is no data itself."""
        return self.key.endswith(MARKERS)


@lru_cache(maxsize=10_000)  # each name is asked for thrice, and a listing has up to 5,000 at once
def stamp(name: str, zone: str) -> Stamp | None:
    """Return the time in `name`: the last one with a time of day, else the last date; None if there is none.

    Without a Z it is on the wall clock of `zone`.

    >>> stamp("backup-20240101-020000.sql", "UTC").moment.isoformat()
    '2024-01-01T02:00:00+00:00'
    >>> stamp("database-20240101t020000z-1a2b3c4d.dump", "Europe/Berlin").moment.isoformat()
    '2024-01-01T02:00:00+00:00'
    """
    found = [one for match in _STAMP.finditer(name) if (one := _read(match, zone))]
    with_time = [one for one in found if one.has_time]
    best = with_time or found
    return best[-1] if best else None


def day_prefix(key: str, zone: str) -> tuple[str, str] | None:
    """Return what comes before the first date in `key`, and the date's `strftime` format.

    Objects of a day can then be listed by prefix. None if the key has no date.

    >>> day_prefix("db/2024/01/31/x-20240131T0200Z.dump", "UTC")
    ('db/', '%Y/%m/%d')
    """
    first = next((one for match in _STAMP.finditer(key) if (one := _read(match, zone))), None)
    return (key[: first.start], first.day_format) if first else None


def grouped(objects: Iterable[StoredObject], zone: str) -> list[tuple[str, list[StoredObject]]]:
    """Return the objects by backup: those of one time in their names belong together.

    Where names have a date only, those of one day; where they have none, each object is a backup.
    """
    groups: dict[str, list[StoredObject]] = {}
    for one in objects:
        found = stamp(one.key, zone)
        groups.setdefault(found.moment.isoformat() if found else one.key, []).append(one)
    return list(groups.items())


def made_at(objects: Sequence[StoredObject], zone: str) -> datetime:
    """Return when a backup was made: the time in its names, else the last change.

    A date alone says less than a last change on that day; a last change on another day is a copy's.
    """
    changed = max(one.changed_at for one in objects)
    found = stamp(objects[0].key, zone)
    if found is None:
        return changed
    if (
        found.has_time
        or changed.astimezone(ZoneInfo(zone)).date() != found.moment.astimezone(ZoneInfo(zone)).date()
    ):
        return found.moment
    return changed


def _read(match: re.Match[str], zone: str) -> Stamp | None:
    hour, minute, second = (int(match[part] or 0) for part in "HMS")
    try:
        wall = datetime(int(match["y"]), int(match["m"]), int(match["d"]), hour, minute, second, tzinfo=UTC)
    except ValueError:  # digits that look like a date and are none
        return None
    moment = wall if match["utc"] else wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    separator = match["s"]
    day_format = f"%Y{separator}%m{separator}%d"
    return Stamp(match[0], moment, match["H"] is not None, match.start(), day_format)
