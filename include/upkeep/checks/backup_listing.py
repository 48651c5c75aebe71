"""The backups that lie in a bucket: which objects to list, and what they make up.

A listing is paged and bounded: a prefix with few objects is read whole; of one with many only the days
that matter, found by the date in the names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from upkeep.catalog.models.backups import BackupPolicy
from upkeep.checks.backup_names import StoredObject, day_prefix, grouped, made_at, stamp
from upkeep.checks.backups import EARLIER_BACKUPS, FEWEST_TO_COMPARE, Backup
from upkeep.checks.schedule import dues_before
from upkeep.errors import ConfigurationError

READ_WHOLE = 5_000
"""Objects that are listed without a second thought: five pages."""

MOST_OBJECTS = 50_000
"""More objects than this in the days that matter are not backups but a store."""

_BACKUPS_WANTED = EARLIER_BACKUPS + 2
_MOST_PARTS = 20
"""A backup of more objects than this has no fixed set of parts."""
_KEYS_SHOWN = 10

Listing = Callable[[str], Iterator[StoredObject]]
"""The objects under a prefix, page by page."""


def objects_that_matter(
    listing: Listing, prefix: str, policy: BackupPolicy, zone: str, at: datetime
) -> list[StoredObject]:
    """Return the objects of the newest backups under `prefix`.

    Raises ConfigurationError where there are too many objects to find them among.
    """
    first = list(islice(listing(prefix), READ_WHOLE + 1))
    if len(first) <= READ_WHOLE:
        return first
    leads = {found for one in first if (found := day_prefix(one.key.removeprefix(prefix), zone))}
    if not leads or not policy.schedule:
        raise ConfigurationError(
            f"more than {READ_WHOLE:,} objects under {prefix!r} and no date in their names: "
            "the newest cannot be found among them; give the backup policy a narrower prefix"
        )
    days = list(_days(policy.schedule, zone, at))
    wanted = sorted({prefix + lead + day.strftime(form) for lead, form in leads for day in days})
    by_key = {one.key: one for day in wanted for one in islice(listing(day), MOST_OBJECTS)}
    if len(by_key) >= MOST_OBJECTS:
        raise ConfigurationError(f"more than {MOST_OBJECTS:,} objects in the days of the last backups")
    return list(by_key.values())


def backups_of(objects: Iterable[StoredObject], zone: str) -> list[tuple[Backup, list[StoredObject]]]:
    """Return the newest backups, newest first, each with its objects; encryption is left to be seen."""
    groups = sorted((group for _, group in grouped(objects, zone)), key=lambda g: made_at(g, zone))
    groups = groups[::-1][:_BACKUPS_WANTED]
    parts = [_parts(group, zone) for group in groups]
    return [
        (_backup(group, zone, _lacking(parts[n], parts[n + 1 :])), group) for n, group in enumerate(groups)
    ]


def _days(cron: str, zone: str, at: datetime) -> Iterator[datetime]:
    for due in islice(dues_before(cron, zone, at), _BACKUPS_WANTED):
        yield due.astimezone(UTC)
        yield due.astimezone(ZoneInfo(zone))
    yield at.astimezone(UTC)


def _backup(group: Sequence[StoredObject], zone: str, lacking: Sequence[str]) -> Backup:
    data = [one for one in group if not one.is_marker]
    problems = [f"{one.key} is empty" for one in data if one.size_bytes == 0][:_KEYS_SHOWN]
    if not data:
        problems.append("there is no data, only what should prove it")
    if lacking:
        problems.append(f"it lacks {', '.join(lacking)}, which every earlier one has")
    largest = max(data or group, key=lambda one: one.size_bytes)
    return Backup(
        id=largest.key,
        made_at=made_at(group, zone),
        size_bytes=float(sum(one.size_bytes for one in data)),
        encryption=None,
        problems=problems,
        evidence={"objects": len(group), "keys": sorted(one.key for one in group)[:_KEYS_SHOWN]},
    )


def _parts(group: Sequence[StoredObject], zone: str) -> frozenset[str]:
    """Return the names of a backup's objects without what changes from one backup to the next."""
    names = set()
    for one in group:
        name = one.key.rsplit("/", 1)[-1]
        found = stamp(name, zone)
        names.add(name.replace(found.text, "*") if found else name)
    return frozenset(names)


def _lacking(parts: frozenset[str], earlier: Sequence[frozenset[str]]) -> list[str]:
    """Return the parts that every earlier backup has and this one has not."""
    if len(earlier) < FEWEST_TO_COMPARE or max(map(len, earlier)) > _MOST_PARTS:
        return []
    return sorted(frozenset.intersection(*earlier) - parts)
