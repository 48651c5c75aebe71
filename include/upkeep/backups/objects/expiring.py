"""Which versions of objects are kept and which expire: decided as they stream by, in flat memory.

A version stands for the time in which it was the current one, from its writing until the next version or
delete marker. It is kept where it was current at the beginning of an hour, day, week or month that the
policy keeps: so an object can be had as it was at every such moment. By its own age alone, a version of
last year that was overwritten today would expire today, and a mistake could not be undone; S3's lifecycle
rules count from the overwriting, too.

A decision needs only the version and the next newer one. When versions are deleted the times of older
ones seem to grow, but never beyond a moment that is kept: deciding again comes to the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from upkeep.backups.objects.versions import ObjectVersion
from upkeep.backups.periods import periods
from upkeep.backups.retention import YOUNG
from upkeep.catalog.models.backups import Keep


@dataclass(frozen=True)
class VersionRules:
    """How long versions are kept that are no longer current.

    zone: the IANA name of the system's time zone. now: with time zone. forget_deleted: whether the last
    version of a deleted object expires as well; else it is kept for ever.
    """

    keep: Keep
    zone: str
    now: datetime
    forget_deleted: bool = False


def decided(
    stream: Iterable[ObjectVersion], rules: VersionRules
) -> Iterator[tuple[ObjectVersion, str | None]]:
    """Yield every version with the reason to keep it, None where it expires.

    stream: by key, each key's newest first, as from `versions`.
    """
    by_period = _by_period(rules)
    zone, young = ZoneInfo(rules.zone), rules.now - YOUNG
    key, has_data = None, False
    replaced = replaced_local = rules.now
    for one, has_older in _with_older(stream):
        written = one.modified_at.astimezone(zone)
        if one.key != key:
            key, has_data = one.key, False
            why = _why_first(one, has_older, young)
        elif replaced > young:
            why = "younger than a day" if replaced <= rules.now else "in the future: is a clock wrong?"
        elif not (has_data or one.delete_marker or rules.forget_deleted):
            why = "the last one of a deleted object"
        else:
            why = by_period(written, replaced_local)
        # What was written after the rules' moment (a plan is carried out later) is no reason to lose another.
        has_data = has_data or not (one.delete_marker or one.modified_at > rules.now)
        replaced, replaced_local = one.modified_at, written
        yield one, why


def _with_older(stream: Iterable[ObjectVersion]) -> Iterator[tuple[ObjectVersion, bool]]:
    """Yield every version, and whether an older one of the same key follows."""
    before: ObjectVersion | None = None
    for one in stream:
        if before is not None:
            yield before, before.key == one.key
        before = one
    if before is not None:
        yield before, False


def _why_first(one: ObjectVersion, has_older: bool, young: datetime) -> str | None:
    """Return why the first version of a key is kept; a delete marker with nothing to hide is not."""
    if not one.latest:
        return "what replaced it is not listed"
    if one.delete_marker and not has_older and one.modified_at <= young:
        return None
    return "current"


def _by_period(rules: VersionRules) -> Callable[[datetime, datetime], str | None]:
    """Return what names the period for which a version is kept, by when it was written and replaced."""
    wanted, now = periods(rules.keep), rules.now.astimezone(ZoneInfo(rules.zone))

    def period(written: datetime, replaced: datetime) -> str | None:
        for one in wanted:
            if one.covers(replaced, now) and one.slot(written) != one.slot(replaced):
                return one.name
        return None if wanted else "no period is set: all are kept"

    return period
