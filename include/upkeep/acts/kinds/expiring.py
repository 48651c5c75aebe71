"""What a policy no longer keeps is deleted, and what nobody deleted is missed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from upkeep.acts.kinds.policies import BackupParameters, check_of, finding_of, name_of, way_of
from upkeep.acts.model import Act, Result
from upkeep.backups.keeping import copies_there, retained
from upkeep.backups.methods import Making
from upkeep.backups.model import Reclaims
from upkeep.backups.retention import Decision
from upkeep.findings import Finding, State
from upkeep.ledger.backups import Known, known_backups, record_deleted, record_expiring

SHOWN = 10
"""Missing backups that a finding names; its evidence has all."""


def expire(act: Act, parameters: BackupParameters) -> Result:
    """Delete what the policy no longer keeps, and say which backups are gone that nobody deleted.

    What is to be deleted is recorded before it is: a killed attempt's deletions are no losses.
    """
    way, of = way_of(act, parameters), (act.engine, act.system_id, parameters.policy)
    known = known_backups(*of)
    there = copies_there(way, known)
    retention = retained(way, there, known, act.now)
    names = {copy.name for copy in there}
    why = why_of(retention.expiring)
    spared = [one.copy.name for one in known if one.expiring and one.copy.name in names - why.keys()]
    record_expiring(*of, why | dict.fromkeys(spared))
    way.method.delete([copy for copy in sorted(there, key=lambda one: one.started_at) if copy.name in why])
    ended_before = {
        one.copy.name: one.expiring for one in known if one.expiring and one.copy.name not in names
    }
    record_deleted(*of, why | ended_before, act.now)
    said = f"{len(why)} copies were deleted" if why else "no copy has expired"
    if isinstance(way.method, Reclaims) and _first_of_week(act, parameters, way, known):
        way.method.reclaim()
        said += "; the room that nothing needs any more was freed"
    evidence = {"deleted": why, "kept": why_of(retention.kept)}
    missing = [one.copy.name for one in known if not one.expiring and one.copy.name not in names]
    findings = [
        finding_of(act, check_of("retention", parameters), State.OK, said, evidence),
        _missing(act, parameters, way, missing),
    ]
    return Result(said, {"deleted": len(why), "missing": len(missing)}, findings)


def _first_of_week(act: Act, parameters: BackupParameters, way: Making, known: Sequence[Known]) -> bool:
    """Return whether no other backup of the policy was made in this local week."""
    zone, ours = ZoneInfo(way.zone), name_of(act, parameters)
    week = act.began_at.astimezone(zone).isocalendar()[:2]
    others = [one.copy.started_at for one in known if one.copy.name != ours]
    return all(at.astimezone(zone).isocalendar()[:2] != week for at in others)


def _missing(act: Act, parameters: BackupParameters, way: Making, names: Sequence[str]) -> Finding:
    """Return whether backups are gone that the suite made and did not delete."""
    check, evidence = check_of("missing", parameters), {"missing": names}
    if not names:
        return finding_of(
            act, check, State.OK, f"all that was made and not deleted is in {way.where}", evidence
        )
    shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    said = (
        f"{way.where} lacks {shown}, which nobody here has deleted; find out who did, then "
        f"`upkeep backups forget {act.system_id} {parameters.policy} {names[0]} --why ...`"
    )
    return finding_of(act, check, State.CRITICAL, said, evidence)


def why_of(decisions: Iterable[Decision]) -> dict[str, str]:
    """Return the reasons of a retention, by the copy's name."""
    return {one.name: "; ".join(one.reasons) for one in decisions}
