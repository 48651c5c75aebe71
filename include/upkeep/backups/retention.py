"""Which backups of a policy are kept and which expire, and why: a pure function.

Of every local hour, day, ISO week and month one good backup is kept for as long as the policy says: the
newest proven one, or the newest where none is proven. The newest, as restic's `forget` and Borg's `prune`
do, for it has the most of the period's work. As with restic's `--keep-within` ages count from the newest
good backup, not from now: when backups stop, or the clock jumps ahead, nothing expires.

Nothing expires but by the side of a newer good backup that is proven. So the newest good one, the newest
proven one and all that were made since stay, whatever the periods say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from upkeep.backups.model import Level
from upkeep.backups.periods import periods
from upkeep.catalog.models.backups import Keep
from upkeep.clients.answers import aware

YOUNG = timedelta(days=1)
"""What is younger is never deleted: a person may want to look at it, or a slow upload may still finish."""


@dataclass(frozen=True)
class Rules:
    """How a policy's backups are kept. zone: the IANA name of the system's time zone.

    proof: the level to which a newer backup must be proven before an older one expires. A `keep` without
    any period keeps all.
    """

    keep: Keep
    zone: str = "UTC"
    proof: Level = Level.CHECKSUMS


@dataclass(frozen=True)
class Candidate:
    """A backup of a policy. name: unique within it. made_at: with time zone.

    level: the last proven one. held: under legal hold or object lock. complete: all its parts are there and
    finished. broken: an examination has shown damage. needed_by: names of backups, of this policy or
    another, that cannot be restored without it.
    """

    name: str
    made_at: datetime
    level: Level = Level.EXISTS
    held: bool = False
    complete: bool = True
    broken: bool = False
    needed_by: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether it may be counted upon: complete, and not shown broken."""
        return self.complete and not self.broken


@dataclass(frozen=True)
class Decision:
    """A backup and why it is kept, every reason; or why it expires, one."""

    candidate: Candidate
    reasons: tuple[str, ...]

    @property
    def name(self) -> str:
        """The backup's name."""
        return self.candidate.name


@dataclass(frozen=True)
class Retention:
    """What is kept and what expires, each newest first."""

    kept: tuple[Decision, ...]
    expiring: tuple[Decision, ...]


def retain(candidates: Iterable[Candidate], rules: Rules, now: datetime) -> Retention:
    """Return what to keep of all backups of one policy, in whatever order they come.

    now: with time zone. Raises ValueError for a time without zone and for a name that comes twice.
    """
    aware(now, "now")
    ordered = sorted(candidates, key=_age_order)
    if len({one.name for one in ordered}) < len(ordered):
        raise ValueError("backups of one policy have the same name; each needs its own")
    good = [one for one in ordered if one.good and one.made_at <= now]
    proven = [one for one in good if one.level >= rules.proof]
    wanted = _wanted(good, proven, rules)
    kept, expiring = [], []
    for one in reversed(ordered):
        reasons = [*_untouchable(one, proven, rules, now), *wanted.get(one.name, ())]
        if reasons:
            kept.append(Decision(one, tuple(reasons)))
        else:
            expiring.append(Decision(one, (_why_not(one, proven[-1]),)))
    return _with_what_they_need(kept, expiring)


def _with_what_they_need(kept: Sequence[Decision], expiring: Sequence[Decision]) -> Retention:
    """Return the decisions, where a backup stays as long as one that stays needs it."""
    going = {one.name: one for one in expiring}
    spared = []
    while needed := [(o, by) for o in going.values() for by in o.candidate.needed_by if by not in going]:
        for one, by in needed:
            if going.pop(one.name, None):
                spared.append(Decision(one.candidate, (f"{by} needs it",)))
    staying = sorted([*kept, *spared], key=lambda one: _age_order(one.candidate), reverse=True)
    return Retention(tuple(staying), tuple(going.values()))


def _age_order(one: Candidate) -> tuple[datetime, str]:
    """Return what sorts by age; the name decides between two of one moment."""
    return aware(one.made_at, one.name), one.name


def _wanted(good: Sequence[Candidate], proven: Sequence[Candidate], rules: Rules) -> dict[str, list[str]]:
    """Return the reasons to keep good backups for what they are, by name; both lists oldest first."""
    wanted: dict[str, list[str]] = {}
    if not good:
        return wanted
    wanted[good[-1].name] = ["the last good one"]
    restored = [one for one in good if one.level >= Level.RESTORED]
    if restored:
        wanted.setdefault(restored[-1].name, []).append("the last one that was restored")
    zone = ZoneInfo(rules.zone)
    # The last to come has the slot: a proven one before all others, then the newest.
    local = [(one.name, one.made_at.astimezone(zone)) for one in (*good, *proven)]
    reference = good[-1].made_at.astimezone(zone)
    for period in periods(rules.keep):
        slots = {period.label(at): name for name, at in local if period.covers(at, reference)}
        for label, name in slots.items():
            wanted.setdefault(name, []).append(f"{period.name} of {label}")
    return wanted


def _untouchable(one: Candidate, proven: Sequence[Candidate], rules: Rules, now: datetime) -> list[str]:
    """Return the reasons for which a backup is kept whatever the periods say."""
    newer_is_proven = bool(proven) and _age_order(proven[-1]) > _age_order(one)
    reasons = [
        (one.held, "under legal hold"),
        (not periods(rules.keep), "the policy names no period: all are kept"),
        (one.made_at > now, "made in the future: is a clock wrong?"),
        (now - YOUNG < one.made_at <= now, "younger than a day"),
        (
            not newer_is_proven,
            f"its newer sibling is unproven: no newer one has passed {rules.proof.name.lower()}",
        ),
    ]
    return [reason for holds, reason in reasons if holds]


def _why_not(one: Candidate, newer: Candidate) -> str:
    proven = f"{newer.name} is newer and proven"
    if not one.complete:
        return f"it is incomplete for more than a day, and {proven}"
    if one.broken:
        return f"it is broken, and {proven}"
    return f"no period needs it, and {proven}"
