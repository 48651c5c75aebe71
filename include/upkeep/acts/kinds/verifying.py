"""Examination of a backup that is there: by its name, or the newest of a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from upkeep.acts.kinds.backup import proof_finding
from upkeep.acts.kinds.examining import examined
from upkeep.acts.kinds.policies import BackupParameters
from upkeep.acts.model import Act, Does, FormField, Result, Stage
from upkeep.backups.methods import making
from upkeep.checks.registry import register_act
from upkeep.errors import ConfigurationError, PermanentError
from upkeep.findings import Finding, State
from upkeep.ledger.backups import Known, backup_id, known_backup, known_backups, record_proofs

NEWEST = "newest"


def plan(act: Act, parameters: BackupParameters) -> Result:
    """Find the backup that is meant."""
    known = _meant(act, parameters)
    said = f"{known.copy.name} of {known.copy.started_at:%Y-%m-%d %H:%M:%S} UTC will be examined"
    finding = Finding(
        check=f"backup_choice{{policy={parameters.policy}}}",
        state=State.OK,
        summary=said,
        source="ledger",
        observed_at=act.now,
        evidence={"reference": known.copy.reference},
    )
    return Result(said, {"name": known.copy.name}, [finding])


def examine(act: Act, parameters: BackupParameters) -> Result:
    """Examine it up to its checksums, all of it: what is asked for by hand trusts no earlier proof."""
    name = act.carried["plan"]["name"]
    known = known_backup(act.engine, backup_id(act.system_id, parameters.policy, name))
    if known is None:
        raise PermanentError(f"the ledger knows no backup {name!r} of {parameters.policy} any more")
    way = making(act.system_id, act.system, act.clients, parameters.policy)
    copy, proofs = examined(way, name, act.now)
    record_proofs(act.engine, known.id, proofs, act.run)
    finding = proof_finding(act, parameters, name, copy, proofs)
    return Result(finding.summary, {"problems": len(finding.evidence["problems"])}, [finding])


def _meant(act: Act, parameters: BackupParameters) -> Known:
    known = _all(act, parameters)
    wanted = act.form.get("backup") or NEWEST
    there = ", ".join(one.copy.name for one in known[:5]) or "none"
    if wanted == NEWEST:
        found = known[:1]
    elif day := _day(wanted):
        zone = ZoneInfo(act.system.timezone)
        found = [one for one in known if one.copy.started_at.astimezone(zone).date() == day][:1]
    else:
        found = [one for one in known if one.copy.name == wanted]
    if not found:
        raise PermanentError(f"there is no backup {wanted!r} of {parameters.policy}; the newest are {there}")
    return found[0]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _all(act: Act, parameters: BackupParameters) -> list[Known]:
    if parameters.policy not in act.system.backups:
        raise ConfigurationError(f"{act.system.title} has no backup policy {parameters.policy!r}")
    return known_backups(act.engine, act.system_id, parameters.policy)


def _fields(system: Any, parameters: BackupParameters) -> Sequence[FormField]:  # noqa: ARG001
    what = f"A day such as 2026-01-31, the name of a backup, or '{NEWEST}'."
    return [FormField("backup", "Backup", what, default=NEWEST)]


register_act(
    "verify_backup",
    "Examine a backup: there, complete, encrypted as promised, its bytes those that were written.",
    parameters=BackupParameters,
    stages=(
        Stage("plan", "Find the backup", Does.LOOK, plan),
        Stage("examine", "Examine it", Does.LOOK, examine),
    ),
    form=_fields,
)
