"""A backup: made by its policy, examined, recorded; then what the policy no longer keeps is deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from upkeep.acts.kinds.examining import examined
from upkeep.acts.kinds.expiring import expire, why_of
from upkeep.acts.kinds.policies import (
    BackupParameters,
    check_of,
    finding_of,
    is_snapshot,
    name_of,
    policies_of,
    way_of,
)
from upkeep.acts.model import Act, By, Does, Result, Stage
from upkeep.acts.plans import Plan
from upkeep.backups.keeping import copies_there, retained
from upkeep.backups.model import Copy, Proof
from upkeep.catalog.models import System
from upkeep.catalog.models.backups import BackupPolicy, job_of
from upkeep.checks.registry import register_act
from upkeep.findings import Finding, State
from upkeep.ledger.backups import (
    backup_id,
    checksums_proven,
    known_backups,
    record_backup,
    record_proofs,
)

BELIEVED = timedelta(days=30)
"""For so long bytes that were read once count as proven: storage fails, too."""


def plan(act: Act, parameters: BackupParameters) -> Result:
    """Look whether the backup can be made, and which copies would be deleted after it."""
    way = way_of(act, parameters)
    name = name_of(act, parameters)
    known = known_backups(act.engine, act.system_id, parameters.policy)
    there = copies_there(way, known)
    expiring = why_of(retained(way, there, known, act.now).expiring)
    made_before = any(copy.name == name and not copy.problems for copy in there)
    steps = [
        f"{name} is there already"
        if made_before
        else f"Back up {way.policy.what} to {way.where}{_by(way.policy)}",
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
    finding = finding_of(act, check_of("plan", parameters), State.OK, said, {"would_delete": expiring})
    return Result(said, {**made.carried(), "name": name, "markdown": made.markdown()}, [finding])


def _by(policy: BackupPolicy) -> str:
    job = job_of(policy)
    return f", by a job of {job.image}" if job else ""


def make(act: Act, parameters: BackupParameters) -> Result:
    """Begin the backup; what a killed attempt has finished is taken as it is."""
    way = way_of(act, parameters)
    name = name_of(act, parameters)
    copy = way.begin(name)
    check = check_of("made", parameters)
    if copy is not None and copy.problems:
        said = f"{name} is not whole: {'; '.join(copy.problems)}"
        evidence = {"name": name, "reference": copy.reference, "problems": list(copy.problems)}
        return Result(said, {"name": name}, [finding_of(act, check, State.CRITICAL, said, evidence)])
    said = f"{name} was begun" if copy is None else f"{name} was made"
    return Result(said, {"name": name}, [finding_of(act, check, State.OK, said, {"name": name})])


def ready(act: Act, parameters: BackupParameters) -> Result:
    """Ask whether the backup is finished; record it."""
    way = way_of(act, parameters)
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
    way = way_of(act, parameters)
    name = name_of(act, parameters)
    made = backup_id(act.system_id, parameters.policy, name)
    before = checksums_proven(act.engine, act.system_id, parameters.policy, act.now - BELIEVED)
    copy, proofs = examined(way, name, act.now, before)
    record_proofs(act.engine, made, proofs, act.run)
    finding = proof_finding(act, parameters, name, copy, proofs)
    proven = max((int(proof.level) for proof in proofs if proof.holds), default=0)
    return Result(finding.summary, {"proven": proven}, [finding])


def proof_finding(
    act: Act, parameters: BackupParameters, name: str, copy: Copy | None, proofs: Sequence[Proof]
) -> Finding:
    """Return what the examination of a copy means; None for a copy of which nothing is left."""
    problems = [problem for proof in proofs for problem in proof.problems]
    level = max((proof.level for proof in proofs if proof.holds), default=None)
    reference = copy.reference if copy else None
    evidence: dict[str, Any] = {"name": name, "reference": reference, "problems": problems}
    evidence["levels"] = [asdict(proof) | {"at": proof.at.isoformat()} for proof in proofs]
    if problems:
        said = f"{name} is not proven: {'; '.join(problems)}"
        return finding_of(act, check_of("proof", parameters), State.CRITICAL, said, evidence)
    reached = level.name.lower() if level else "nothing"
    return finding_of(
        act, check_of("proof", parameters), State.OK, f"{name} is proven up to {reached}", evidence
    )


def _made_by(system: System, parameters: BackupParameters) -> By:
    policies = policies_of(system, parameters)
    if any(job_of(policy) for policy in policies):
        return By.JOB
    return By.SNAPSHOT if any(is_snapshot(policy) for policy in policies) else By.WORKER


def _awaited_by(system: System, parameters: BackupParameters) -> By:
    # Of a backup of several parts the stage before has waited.
    alone = [is_snapshot(policy) for policy in policies_of(system, parameters)] == [True]
    return By.SNAPSHOT_SENSOR if alone else By.WORKER


def _expired_by(system: System, parameters: BackupParameters) -> By:
    any_of_rds = any(is_snapshot(policy) for policy in policies_of(system, parameters))
    return By.SNAPSHOT_DELETION if any_of_rds else By.WORKER


register_act(
    "backup",
    "Make a backup by its policy, examine and record it, delete what the policy no longer keeps.",
    parameters=BackupParameters,
    stages=(
        Stage("plan", "Look what would be done", Does.LOOK, plan),
        Stage("make", "Make the backup", Does.CHANGE, make, by=_made_by),
        Stage("ready", "Wait until it is finished", Does.WAIT, ready, by=_awaited_by),
        Stage("prove", "Examine it", Does.CHANGE, prove),
        Stage("expire", "Delete what has expired", Does.CHANGE, expire, by=_expired_by),
    ),
)
