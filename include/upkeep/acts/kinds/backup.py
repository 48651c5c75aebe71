"""A backup: made by its policy, examined, recorded; then what the policy no longer keeps is deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from upkeep.acts.model import Act, Does, Result, Stage
from upkeep.acts.plans import Plan
from upkeep.backups.keeping import copies_there, deletable, retention_plan
from upkeep.backups.methods import Making, making
from upkeep.backups.model import Copy, Level, Proof
from upkeep.checks.registry import Parameters, register_act
from upkeep.errors import PermanentError
from upkeep.findings import Finding, State
from upkeep.ledger.backups import (
    Known,
    backup_id,
    known_backups,
    proofs_of,
    record_backup,
    record_deleted,
    record_proofs,
)


class BackupParameters(Parameters):
    """Which backup."""

    policy: str
    """The name of one of the system's backup policies."""


def plan(act: Act, parameters: BackupParameters) -> Result:
    """Look whether the backup can be made, and which copies would be deleted after it."""
    way = _making(act, parameters)
    name = name_of(act, parameters)
    known = _known(act, parameters)
    there = name in {copy.name for copy in copies_there(way, known) if not copy.problems}
    retention = retention_plan(way, known, act.now)
    expiring = {one: told["why"] for one, told in retention["expiring"].items()}
    steps = [
        f"{name} is there already" if there else f"Back up {way.policy.what} to {way.where}",
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
    way.begin(name)
    return Result(f"{name} was begun", {"name": name})


def ready(act: Act, parameters: BackupParameters) -> Result:
    """Ask whether the backup is finished; record it."""
    way = _making(act, parameters)
    name = name_of(act, parameters)
    copy = way.method.find(name)
    if copy is None:
        return Result(f"{name} is not finished", ready=False)
    made = record_backup(act.engine, act.system_id, parameters.policy, copy, act.run)
    took = (copy.ended_at - copy.started_at).total_seconds()
    said = f"{name} is there: {copy.bytes or 'unknown'} bytes, made in {took:.0f} s"
    return Result(said, {"backup_id": str(made), "name": name, "bytes": copy.bytes, "seconds": took})


def prove(act: Act, parameters: BackupParameters) -> Result:
    """Examine the copy up to its checksums and record each level."""
    way = _making(act, parameters)
    name = name_of(act, parameters)
    copy = way.method.find(name)
    if copy is None:
        raise PermanentError(f"{name} was made, and is gone from {way.where}")
    made = backup_id(act.system_id, parameters.policy, name)
    before = proofs_of(act.engine, made)
    proofs = [Proof(Level.EXISTS, act.now, evidence={"reference": copy.reference})]
    proofs += way.method.check(copy, before)
    record_proofs(act.engine, made, proofs, act.run)
    finding = proof_finding(act, parameters, copy, proofs)
    return Result(finding.summary, {"proven": int(max(p.level for p in proofs if p.holds))}, [finding])


def expire(act: Act, parameters: BackupParameters) -> Result:
    """Delete what the policy no longer keeps, decided by a listing of a moment before."""
    way = _making(act, parameters)
    known = _known(act, parameters)
    retention = retention_plan(way, known, act.now)
    safe = deletable(way, known, retention, act.now)
    why = {name: retention["expiring"][name]["why"] for name in safe.names}
    way.method.delete([copy for copy in way.method.copies() if copy.name in why])
    record_deleted(act.engine, act.system_id, parameters.policy, why, act.now)
    said = f"{len(why)} copies were deleted" if why else "no copy has expired"
    check = _check("retention", parameters)
    finding = _finding(act, check, State.OK, said, {"deleted": why, "kept": dict(retention["kept"])})
    return Result(said, {"deleted": len(why)}, [finding])


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


def _known(act: Act, parameters: BackupParameters) -> list[Known]:
    return known_backups(act.engine, act.system_id, parameters.policy)


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
