"""The stages that all recoveries and drills share: a drill runs the code of the real thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, cast

from upkeep.acts.choosing import require_sound
from upkeep.acts.forms import ChooseFirst
from upkeep.acts.gates import NOTHING, approved, pre_flight, require_same
from upkeep.acts.model import Act, Result
from upkeep.acts.plans import Plan, plan_from
from upkeep.acts.recovering.findings import check_of, recovery_finding
from upkeep.acts.recovering.measuring import against_targets, last_time
from upkeep.acts.recovering.record import begin, mark, recorded
from upkeep.backups.model import Level, Proof
from upkeep.errors import DamagedBackup, PermanentError
from upkeep.findings import Finding, State
from upkeep.ledger.backups import record_proofs
from upkeep.ledger.recoveries import past
from upkeep.recoveries.model import Drill, LivesOn, PutIntoUse, Recovery, Unseeing

Making = Callable[[Act, Any], Recovery]
"""Makes the recovery of a run from its parameters and its form."""

BEGUN = "an earlier attempt has begun this plan, and nothing more was changed"


class RecoveryStages:
    """The stage functions of one kind."""

    def __init__(self, make: Making, *, drill: bool) -> None:
        self._make, self._drill = make, drill

    def plan(self, act: Act, parameters: Any) -> Result:
        """Refuse what must not be done, and say what would be."""
        try:
            one = self._make(act, parameters)
        except ChooseFirst as e:
            found = recovery_finding(act, "recovery_choices", State.OK, str(e), {"choices": e.choices})
            return Result("\n".join([str(e), *e.choices]), {}, [found], stop=str(e))
        with _noting_damage(act, one):
            plan = one.plan()
        pre_flight(act, plan)
        plan = replace(plan, notes=[*plan.notes, *last_time(act, one)])
        carried = {**plan.carried(), "markdown": plan.markdown()}
        evidence = {"steps": list(plan.steps), "notes": list(plan.notes), "facts": dict(plan.facts)}
        said = f"{plan.title}: {plan.target}; plan {plan.digest}"
        return Result(said, carried, [recovery_finding(act, check_of("plan", one), State.OK, said, evidence)])

    def prepare(self, act: Act, parameters: Any) -> Result:
        """Make the drill target."""
        one, plan = self._planned(act, parameters)
        return Result(cast("Drill", one).prepare(plan))

    def lose(self, act: Act, parameters: Any) -> Result:
        """Make the loss. Its time is that of the first attempt."""
        one, plan = self._planned(act, parameters)
        begin(act, one, plan, drill=self._drill)
        said = cast("Drill", one).lose(plan)
        found = recorded(act)
        if found is not None and found.lost_at is None:
            mark(act, lost_at=act.now)
        return Result(said)

    def restore(self, act: Act, parameters: Any) -> Result:
        """Look again, see that what was approved is what will be done, and do it.

        What was begun is ended: a repeat finds half of it done, which would look like another plan.
        """
        one, plan = self._planned(act, parameters)
        found = recorded(act)
        begun = found is not None and found.plan["digest"] == plan.digest
        with _noting_damage(act, one):
            now = plan if begun else one.plan(plan)
        if not begun:
            pre_flight(act, now)
            require_sound(act, one.backup_id)
        persons = approved(act, now, begun=begun, so_far=BEGUN if begun else NOTHING)
        require_same(plan, now)
        begin(act, one, plan, drill=self._drill)
        mark(act, restored_at=None, **({} if begun else {"verified_at": None}))
        with _noting_damage(act, one):
            one.restore(plan)
        by = f", approved by {' and '.join(persons)}" if persons else ""
        return Result(f"{plan.title}: begun{by}", {"approved_by": persons})

    def ready(self, act: Act, parameters: Any) -> Result:
        """Ask whether it is there."""
        one, plan = self._planned(act, parameters)
        said = one.ready(plan)
        if said is None:
            return Result(f"{plan.target} is not there yet", ready=False)
        mark(act, restored_at=act.now)
        return Result(said, {"restored_at": act.now.isoformat()})

    def verify(self, act: Act, parameters: Any) -> Result:
        """Examine what was restored; the backup is proven as far as it shows.

        What is in use already is not judged: its rows are those of now, and would call a good backup bad. Nor
        is what was verified and has lived on, or was taken away, since.
        """
        one, plan = self._planned(act, parameters)
        if said := _not_again(act, one, plan):
            return Result(
                said,
                {},
                [recovery_finding(act, check_of("verified", one), State.OK, said), *_unseen(act, one)],
            )
        proofs = [Proof(Level.RESTORED, act.now, evidence={"target": plan.target}), *one.verify(plan)]
        if one.backup_id:
            record_proofs(act.engine, one.backup_id, proofs, act.run)
        problems = [problem for proof in proofs for problem in proof.problems]
        values: dict[str, Any] = {"problems": problems, "data_as_of": one.data_as_of(plan)}
        # What an earlier attempt verified does not speak for what is there now.
        mark(act, verified_at=None if problems else act.now, **values)
        check = check_of("verified", one)
        evidence = {"proofs": [asdict(proof) | {"at": proof.at.isoformat()} for proof in proofs]}
        if problems:
            said = f"{plan.target} is not as it must be: {'; '.join(problems)}"
            return Result(said, {}, [recovery_finding(act, check, State.CRITICAL, said, evidence)])
        said = f"{plan.target} is as it must be"
        return Result(said, {}, [recovery_finding(act, check, State.OK, said, evidence), *_unseen(act, one)])

    def resume(self, act: Act, parameters: Any) -> Result:
        """Put what was verified into use, if that is in the plan; its approval still counts."""
        one, plan = self._planned(act, parameters)
        found = recorded(act)
        if found is None or found.verified_at is None:
            raise PermanentError("nothing was verified, so nothing is put into use; clear from 'restore'")
        approved(act, plan, begun=True, so_far=f"{plan.target} was restored, and is not put into use")
        said = one.resume(plan)
        if said is not None:
            mark(act, verified_at=datetime.now(UTC))
        return Result(said or "nothing is to be put into use")

    def measure(self, act: Act, parameters: Any) -> Result:
        """Compare the time it took, and the data it lost, with the targets and the earlier times."""
        one, _ = self._planned(act, parameters)
        found = recorded(act)
        if found is None or found.verified_at is None:
            raise PermanentError("there is no verified recovery to measure; clear the run from 'restore'")
        findings = against_targets(act, one, past(found))
        said = "; ".join(finding.summary for finding in findings)
        return Result(said, {finding.check: finding.value for finding in findings}, findings)

    def clean_up(self, act: Act, parameters: Any) -> Result:
        """Take away what the run made for itself, whatever became of it."""
        if "plan" not in act.carried:
            return Result("nothing was made: there was no plan")
        one, plan = self._planned(act, parameters)
        said = one.clean_up(plan)
        mark(act, cleaned_at=act.now)
        return Result(said)

    def _planned(self, act: Act, parameters: Any) -> tuple[Recovery, Plan]:
        if "plan" not in act.carried:
            raise PermanentError("the stage 'plan' has left no plan; clear the run from there")
        return self._make(act, parameters), plan_from(act.carried["plan"])


@contextmanager
def _noting_damage(act: Act, one: Recovery) -> Iterator[None]:
    """Record damage that shows: who wants the latest that is proven gets another from now on."""
    try:
        yield
    except DamagedBackup as e:
        if one.backup_id:
            damaged = Proof(Level.CHECKSUMS, act.now, [str(e)])
            record_proofs(act.engine, one.backup_id, [damaged], act.run)
        raise


def _not_again(act: Act, one: Recovery, plan: Plan) -> str | None:
    """Return why what was restored is not examined again, if it is not."""
    if isinstance(one, PutIntoUse) and (where := one.in_use(plan)):
        return f"what was restored is in use as {where} and is not examined again"
    if (at := _verified_before(act, one)) is None:
        return None
    return (
        f"{plan.target} was verified at {at.isoformat()}, after it was restored, and is not judged again: it "
        "may have changed since. To verify anew, clear from 'plan'"
    )


def _verified_before(act: Act, one: Recovery) -> datetime | None:
    """Return when this restore was verified, if what is there now says no more of it; None to look.

    It does not once the run has cleaned up, and where others change what was restored from the beginning.
    """
    found = recorded(act)
    if found is None or None in (found.restored_at, found.verified_at):
        return None
    if found.verified_at < found.restored_at:
        return None
    over = found.cleaned_at is not None and found.cleaned_at >= found.verified_at
    at: datetime = found.verified_at
    return at if over or (isinstance(one, LivesOn) and one.lives_on) else None


def _unseen(act: Act, one: Recovery) -> list[Finding]:
    """Return that nobody looked at the restored data, where nobody did: that is unknown, and not well."""
    if not isinstance(one, Unseeing) or one.unexamined is None:
        return []
    return [
        Finding(
            check=check_of("data", one),
            state=State.UNKNOWN,
            summary="what the restored data says is unknown",
            source="recovery",
            observed_at=act.now,
            reason=one.unexamined,
        )
    ]
