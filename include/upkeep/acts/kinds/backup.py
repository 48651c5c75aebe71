"""A backup: made by its policy, examined, recorded; then what the policy no longer keeps is deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from upkeep.acts.model import Act, Does, Result, Stage
from upkeep.acts.plans import Plan
from upkeep.backups.keeping import copies_there, retained
from upkeep.backups.methods import Making, making
from upkeep.backups.model import Copy, Level, Proof
from upkeep.backups.retention import Decision
from upkeep.checks.registry import Parameters, register_act
from upkeep.errors import PermanentError
from upkeep.findings import Finding, State
from upkeep.ledger.backups import (
    backup_id,
    checksums_proven,
    known_backups,
    record_backup,
    record_deleted,
    record_expiring,
    record_proofs,
)

BELIEVED = timedelta(days=30)
"""For so long bytes that were read once count as proven: storage fails, too."""
SHOWN = 10
"""Missing backups that a finding names; its evidence has all."""


class BackupParameters(Parameters):
    """Which backup."""

    policy: str
    """The name of one of the system's backup policies."""


def plan(act: Act, parameters: BackupParameters) -> Result:
    """Look whether the backup can be made, and which copies would be deleted after it."""
    way = _making(act, parameters)
    name = name_of(act, parameters)
    known = known_backups(act.engine, act.system_id, parameters.policy)
    there = copies_there(way, known)
    expiring = _why(retained(way, there, known, act.now).expiring)
    made_before = any(copy.name == name and not copy.problems for copy in there)
    steps = [
        f"{name} is there already" if made_before else f"Back up {way.policy.what} to {way.where}",
        "Examine it: there, complete, as its checksums say",
        f"Then delete what the policy no longer keeps: {len(expiring)} copies, as things are now",
    ]
    made = Plan(
        title=f"{act.system.title}: {way.policy.title}",
        target=f"{way.where}: {name}",
        steps=steps,
        destructive=False,
        notes=[f"would delete {one}: {why}" for one, why in expiring.items()],
    )
    said = "; ".join(steps)
    finding = _finding(act, _check("plan", parameters), State.OK, said, {"would_delete": expiring})
    return Result(said, {**made.carried(), "name": name, "markdown": made.markdown()}, [finding])


def make(act: Act, parameters: BackupParameters) -> Result:
    """Begin the backup; what a killed attempt has finished is taken as it is."""
    way = _making(act, parameters)
    name = name_of(act, parameters)
    copy = way.begin(name)
    if copy is not None and copy.problems:
        said = f"{name} is not whole: {'; '.join(copy.problems)}"
        evidence = {"name": name, "reference": copy.reference, "problems": list(copy.problems)}
        return Result(
            said, {"name": name}, [_finding(act, _check("made", parameters), State.CRITICAL, said, evidence)]
        )
    said = f"{name} was begun" if copy is None else f"{name} was made"
    return Result(
        said, {"name": name}, [_finding(act, _check("made", parameters), State.OK, said, {"name": name})]
    )


def ready(act: Act, parameters: BackupParameters) -> Result:
    """Ask whether the backup is finished; record it."""
    way = _making(act, parameters)
    name = name_of(act, parameters)
    copy = way.ready(name)
    if copy is None:
        return Result(f"{name} is not finished", ready=False)
    made = record_backup(act.engine, act.system_id, parameters.policy, copy, act.run)
    took = (copy.ended_at - copy.started_at).total_seconds()
    size = "of unknown size" if copy.bytes is None else f"{copy.bytes:,} bytes"
    said = f"{name} is there: {size}, made in {took:.0f} s"
    return Result(said, {"backup_id": str(made), "name": name, "bytes": copy.bytes, "seconds": took})


def prove(act: Act, parameters: BackupParameters) -> Result:
    """Examine the copy up to its checksums and record each level."""
    way = _making(act, parameters)
    name = name_of(act, parameters)
    copy = way.method.find(name)
    if copy is None:
        raise PermanentError(f"{name} was made, and is gone from {way.where}")
    made = backup_id(act.system_id, parameters.policy, name)
    before = checksums_proven(act.engine, act.system_id, parameters.policy, act.now - BELIEVED)
    proofs = [Proof(Level.EXISTS, act.now, evidence={"reference": copy.reference})]
    proofs += way.method.check(copy, before)
    record_proofs(act.engine, made, proofs, act.run)
    finding = proof_finding(act, parameters, copy, proofs)
    return Result(finding.summary, {"proven": int(max(p.level for p in proofs if p.holds))}, [finding])


def expire(act: Act, parameters: BackupParameters) -> Result:
    """Delete what the policy no longer keeps, and say which backups are gone that nobody deleted.

    What is to be deleted is recorded before it is: a killed attempt's deletions are no losses.
    """
    way, of = _making(act, parameters), (act.engine, act.system_id, parameters.policy)
    known = known_backups(*of)
    there = copies_there(way, known)
    retention = retained(way, there, known, act.now)
    names = {copy.name for copy in there}
    why = _why(retention.expiring)
    spared = [one.copy.name for one in known if one.expiring and one.copy.name in names - why.keys()]
    record_expiring(*of, why | dict.fromkeys(spared))
    way.method.delete([copy for copy in sorted(there, key=lambda one: one.started_at) if copy.name in why])
    ended_before = {
        one.copy.name: one.expiring for one in known if one.expiring and one.copy.name not in names
    }
    record_deleted(*of, why | ended_before, act.now)
    said = f"{len(why)} copies were deleted" if why else "no copy has expired"
    evidence = {"deleted": why, "kept": _why(retention.kept)}
    missing = [one.copy.name for one in known if not one.expiring and one.copy.name not in names]
    findings = [
        _finding(act, _check("retention", parameters), State.OK, said, evidence),
        _missing(act, parameters, way, missing),
    ]
    return Result(said, {"deleted": len(why), "missing": len(missing)}, findings)


def _missing(act: Act, parameters: BackupParameters, way: Making, names: Sequence[str]) -> Finding:
    """Return whether backups are gone that the suite made and did not delete."""
    check, evidence = _check("missing", parameters), {"missing": names}
    if not names:
        return _finding(
            act, check, State.OK, f"all that was made and not deleted is in {way.where}", evidence
        )
    shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    said = (
        f"{way.where} lacks {shown}, which nobody here has deleted; find out who did, then "
        f"`upkeep backups forget {act.system_id} {parameters.policy} NAME --why ...`"
    )
    return _finding(act, check, State.CRITICAL, said, evidence)


def _why(decisions: Iterable[Decision]) -> dict[str, str]:
    return {one.name: "; ".join(one.reasons) for one in decisions}


def name_of(act: Act, parameters: BackupParameters) -> str:
    """Return the name of the copy that this run makes: its time is chosen once."""
    return f"{parameters.policy}-{act.label}".replace("_", "-")


def proof_finding(act: Act, parameters: BackupParameters, copy: Copy, proofs: Sequence[Proof]) -> Finding:
    """Return what the examination of a copy means."""
    problems = [problem for proof in proofs for problem in proof.problems]
    level = max((proof.level for proof in proofs if proof.holds), default=None)
    evidence: dict[str, Any] = {"name": copy.name, "reference": copy.reference, "problems": problems}
    evidence["levels"] = [asdict(proof) | {"at": proof.at.isoformat()} for proof in proofs]
    if problems:
        said = f"{copy.name} is not proven: {'; '.join(problems)}"
        return _finding(act, _check("proof", parameters), State.CRITICAL, said, evidence)
    reached = level.name.lower() if level else "nothing"
    return _finding(
        act, _check("proof", parameters), State.OK, f"{copy.name} is proven up to {reached}", evidence
    )


def _making(act: Act, parameters: BackupParameters) -> Making:
    return making(act.system_id, act.system, act.clients, parameters.policy)


def _finding(act: Act, check: str, state: State, said: str, evidence: Mapping[str, Any]) -> Finding:
    return Finding(
        check=check, state=state, summary=said, source="backup", observed_at=act.now, evidence=evidence
    )


def _check(question: str, parameters: BackupParameters) -> str:
    return f"backup_{question}{{policy={parameters.policy}}}"


register_act(
    "backup",
    "Make a backup by its policy, examine and record it, delete what the policy no longer keeps.",
    parameters=BackupParameters,
    stages=(
        Stage("plan", "Look what would be done", Does.LOOK, plan),
        Stage("make", "Make the backup", Does.CHANGE, make),
        Stage("ready", "Wait until it is finished", Does.WAIT, ready),
        Stage("prove", "Examine it", Does.CHANGE, prove),
        Stage("expire", "Delete what has expired", Does.CHANGE, expire),
    ),
)
