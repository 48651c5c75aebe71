"""The stages that all recoveries and drills share: a drill runs the code of the real thing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from upkeep.acts.choosing import require_sound
from upkeep.acts.forms import ChooseFirst, moment_in
from upkeep.acts.gates import DESPITE, approved, pre_flight
from upkeep.acts.model import Act, Does, FormField, Result, Stage
from upkeep.acts.plans import Plan, plan_from
from upkeep.backups.model import Level, Proof
from upkeep.checks.registry import Parameters, register_act
from upkeep.errors import ConfigurationError, PermanentError
from upkeep.findings import Finding, State
from upkeep.findings.units import format_value
from upkeep.ledger.backups import record_proofs
from upkeep.ledger.recoveries import RecoveryKey, begin_recovery, mark_recovery, past_recoveries, recovery
from upkeep.recoveries.model import Drill, Recovery

Making = Callable[[Act, Any], Recovery]
"""Makes the recovery of a run from its parameters and its form."""

COMMON_FIELDS = (
    FormField(
        "lost_at",
        "Lost at",
        "When the damage began, for the measured recovery time; by default the start of this run.",
        default=None,
        format="date-time",
        shared=True,
    ),
    FormField(
        DESPITE,
        "Despite a freeze",
        "Replace what is in use even in a change freeze, or with an incident that opened since.",
        type="boolean",
        default=False,
        shared=True,
    ),
)


def register_recovery(  # noqa: PLR0913 - what a kind is made of
    name: str,
    summary: str,
    *,
    parameters: type[Parameters],
    make: Making,
    fields: Callable[[Any, Any], Sequence[FormField]] | None = None,
    drill: bool = False,
) -> None:
    """Register a kind of recovery, or the drill of one, with the stages that all share."""
    steps = _Stages(make, drill=drill)
    rehearsed = (
        Stage("prepare", "Make the drill target", Does.CHANGE, steps.prepare),
        Stage("lose", "Make the loss, on the drill target", Does.CHANGE, steps.lose),
    )
    stages = (
        Stage("plan", "Pre-flight and plan", Does.LOOK, steps.plan),
        Stage("approve", "Approve the plan", Does.APPROVE),
        *(rehearsed if drill else ()),
        Stage("restore", "Restore", Does.CHANGE, steps.restore),
        Stage("ready", "Wait until it is there", Does.WAIT, steps.ready),
        Stage("verify", "Verify what was restored", Does.CHANGE, steps.verify),
        Stage("resume", "Put what was verified into use", Does.CHANGE, steps.resume),
        Stage("measure", "Measure against the targets", Does.CHANGE, steps.measure),
        Stage("clean_up", "Take away what the run made for itself", Does.CLEAN, steps.clean_up),
    )

    def form(system: Any, chosen: Any) -> list[FormField]:
        own = list(fields(system, chosen)) if fields else []
        return own if drill else [*own, *COMMON_FIELDS]

    register_act(name, summary, parameters=parameters, stages=stages, form=form)


class _Stages:
    """The stage functions of one kind."""

    def __init__(self, make: Making, *, drill: bool) -> None:
        self._make, self._drill = make, drill

    def plan(self, act: Act, parameters: Any) -> Result:
        """Refuse what must not be done, and say what would be."""
        try:
            one = self._make(act, parameters)
        except ChooseFirst as e:
            found = _finding(act, "recovery_choices", State.OK, str(e), {"choices": e.choices})
            return Result("\n".join([str(e), *e.choices]), {}, [found], stop=str(e))
        plan = one.plan()
        pre_flight(act, plan)
        plan = replace(plan, notes=[*plan.notes, *_last_time(act, one.subject)])
        carried = {**plan.carried(), "markdown": plan.markdown()}
        evidence = {"steps": list(plan.steps), "notes": list(plan.notes), "facts": dict(plan.facts)}
        said = f"{plan.title}: {plan.target}; plan {plan.digest}"
        return Result(said, carried, [_finding(act, _check("plan", one), State.OK, said, evidence)])

    def prepare(self, act: Act, parameters: Any) -> Result:
        """Make the drill target."""
        one, plan = self._planned(act, parameters)
        return Result(cast("Drill", one).prepare(plan))

    def lose(self, act: Act, parameters: Any) -> Result:
        """Make the loss. Its time is that of the first attempt."""
        one, plan = self._planned(act, parameters)
        self._begin(act, one, plan)
        said = cast("Drill", one).lose(plan)
        found = recovery(act.engine, _key(act))
        if found is not None and found.lost_at is None:
            mark_recovery(act.engine, _key(act), lost_at=act.now)
        return Result(said)

    def restore(self, act: Act, parameters: Any) -> Result:
        """Look again, see that what was approved is what will be done, and do it.

        What was begun is ended: a repeat finds half of it done, which would look like another plan.
        """
        one, plan = self._planned(act, parameters)
        found = recovery(act.engine, _key(act))
        begun = found is not None and found.plan["digest"] == plan.digest
        now = plan if begun else one.plan(plan)
        if not begun:
            pre_flight(act, now)
            require_sound(act, one.backup_id)
        persons = approved(act, now, begun=begun)
        _require_same(plan, now)
        self._begin(act, one, plan)
        if not begun:
            mark_recovery(act.engine, _key(act), restored_at=None, verified_at=None)
        one.restore(plan)
        by = f", approved by {' and '.join(persons)}" if persons else ""
        return Result(f"{plan.title}: begun{by}", {"approved_by": persons})

    def ready(self, act: Act, parameters: Any) -> Result:
        """Ask whether it is there."""
        one, plan = self._planned(act, parameters)
        said = one.ready(plan)
        if said is None:
            return Result(f"{plan.target} is not there yet", ready=False)
        mark_recovery(act.engine, _key(act), restored_at=act.now)
        return Result(said, {"restored_at": act.now.isoformat()})

    def verify(self, act: Act, parameters: Any) -> Result:
        """Examine what was restored; the backup is proven as far as it shows."""
        one, plan = self._planned(act, parameters)
        proofs = [Proof(Level.RESTORED, act.now, evidence={"target": plan.target}), *one.verify(plan)]
        if one.backup_id:
            record_proofs(act.engine, one.backup_id, proofs, act.run)
        problems = [problem for proof in proofs for problem in proof.problems]
        values: dict[str, Any] = {"problems": problems, "data_as_of": one.data_as_of(plan)}
        # What an earlier attempt verified does not speak for what is there now.
        mark_recovery(act.engine, _key(act), verified_at=None if problems else act.now, **values)
        check = _check("verified", one)
        evidence = {"proofs": [asdict(proof) | {"at": proof.at.isoformat()} for proof in proofs]}
        if problems:
            said = f"{plan.target} is not as it must be: {'; '.join(problems)}"
            return Result(said, {}, [_finding(act, check, State.CRITICAL, said, evidence)])
        said = f"{plan.target} is as it must be"
        return Result(said, {}, [_finding(act, check, State.OK, said, evidence)])

    def resume(self, act: Act, parameters: Any) -> Result:
        """Put what was verified into use, if that is in the plan; its approval still counts."""
        one, plan = self._planned(act, parameters)
        found = recovery(act.engine, _key(act))
        if found is None or found.verified_at is None:
            raise PermanentError("nothing was verified, so nothing is put into use; clear from 'restore'")
        approved(act, plan, begun=True)
        said = one.resume(plan)
        if said is not None:
            mark_recovery(act.engine, _key(act), verified_at=datetime.now(UTC))
        return Result(said or "nothing is to be put into use")

    def measure(self, act: Act, parameters: Any) -> Result:
        """Compare the time it took, and the data it lost, with the targets and the earlier times."""
        one, _ = self._planned(act, parameters)
        found = recovery(act.engine, _key(act))
        if found is None or found.verified_at is None:
            raise PermanentError("there is no verified recovery to measure; clear the run from 'restore'")
        lost = found.lost_at or found.began_at
        rpo = max(lost - found.data_as_of, timedelta()) if found.data_as_of else None
        findings = self._against_targets(act, one, found.verified_at - lost, rpo)
        said = "; ".join(finding.summary for finding in findings)
        return Result(said, {finding.check: finding.value for finding in findings}, findings)

    def clean_up(self, act: Act, parameters: Any) -> Result:
        """Take away what the run made for itself, whatever became of it."""
        if "plan" not in act.carried:
            return Result("nothing was made: there was no plan")
        one, plan = self._planned(act, parameters)
        said = one.clean_up(plan)
        mark_recovery(act.engine, _key(act), cleaned_at=act.now)
        return Result(said)

    def _planned(self, act: Act, parameters: Any) -> tuple[Recovery, Plan]:
        if "plan" not in act.carried:
            raise PermanentError("the stage 'plan' has left no plan; clear the run from there")
        return self._make(act, parameters), plan_from(act.carried["plan"])

    def _begin(self, act: Act, one: Recovery, plan: Plan) -> None:
        values = {
            "system": act.system_id,
            "subject": one.subject,
            "drill": self._drill,
            "backup_id": one.backup_id,
            "target": plan.target,
            "plan": plan.carried(),
            "lost_at": _lost_at(act),
            "data_as_of": one.data_as_of(plan),
        }
        begin_recovery(act.engine, _key(act), values, act.began_at)

    def _against_targets(
        self, act: Act, one: Recovery, rto: timedelta, rpo: timedelta | None
    ) -> list[Finding]:
        targets = act.system.recovery_targets
        earlier = past_recoveries(act.engine, act.system_id, one.subject, but=_key(act), before=act.began_at)
        took = [past.rto for past in earlier if past.rto is not None]
        trend = f"; the {len(took)} before took {', '.join(_long(each) for each in took[:5])}" if took else ""
        most = targets.rto_minutes * 60.0 if targets else None
        lost = targets.rpo_minutes * 60.0 if targets else None
        findings = [_measured(act, _check("time", one), rto, most, f"It took {_long(rto)} to recover{trend}")]
        if rpo is not None:
            findings.append(
                _measured(act, _check("loss", one), rpo, lost, f"The work of {_long(rpo)} was lost")
            )
        return findings


def _measured(act: Act, check: str, took: timedelta, most: float | None, said: str) -> Finding:
    seconds = took.total_seconds()
    over = most is not None and seconds > most
    aim = f"; the objective is {format_value(most, 'seconds')}" if most is not None else ""
    limit = f"> {format_value(most, 'seconds')}" if most is not None else None
    made = _finding(act, check, State.CRITICAL if over else State.OK, said + aim)
    return replace(made, value=seconds, unit="seconds", limit=limit, limit_value=most)


def _finding(
    act: Act, check: str, state: State, said: str, evidence: Mapping[str, Any] | None = None
) -> Finding:
    return Finding(
        check=check,
        state=state,
        summary=said,
        source="recovery",
        observed_at=act.now,
        evidence=evidence or {},
    )


def _check(question: str, one: Recovery) -> str:
    return f"recovery_{question}{{subject={one.subject}}}"


def _last_time(act: Act, subject: str) -> list[str]:
    earlier = past_recoveries(act.engine, act.system_id, subject, but=_key(act), before=act.began_at, most=1)
    if not earlier or earlier[0].rto is None:
        return ["It has not been done before: how long it takes is not known"]
    kind = "a drill" if earlier[0].drill else "a recovery"
    return [f"Last time, {earlier[0].began_at:%Y-%m-%d} ({kind}), it took {_long(earlier[0].rto)}"]


def _require_same(planned: Plan, now: Plan) -> None:
    """Refuse where the later stages would speak of another plan than the one that is carried out."""
    if now.digest != planned.digest:
        raise PermanentError(
            f"nothing was touched: things have changed since {planned.digest} was planned: now it is "
            f"{now.digest}; clear the run from the task that plans"
        )


def _lost_at(act: Act) -> datetime | None:
    lost = moment_in(act, "lost_at")
    if lost is not None and lost > act.now:
        raise ConfigurationError(f"lost_at {lost.isoformat()} lies in the future; write when it was lost")
    return lost


def _key(act: Act) -> RecoveryKey:
    return RecoveryKey(*act.run, act.task_id)


def _long(took: timedelta) -> str:
    return format_value(took.total_seconds(), "seconds")
