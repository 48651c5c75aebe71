"""The stages that all recoveries share, with versions of objects: in order, killed, repeated, refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from tests.acts.conftest import NOW
from tests.acts.runs import BUCKET, Stages, approve
from tests.servers.aws import Aws
from tests.servers.incidents import chain, signal
from tests.servers.situation import ClientsOf

from upkeep.acts.kinds import objects
from upkeep.acts.kinds.objects import ObjectParameters
from upkeep.acts.model import Act, Result
from upkeep.acts.plans import Plan
from upkeep.acts.recovering.stages import RecoveryStages
from upkeep.backups.model import Level, Proof
from upkeep.errors import ConfigurationError, PermanentError
from upkeep.findings import State
from upkeep.ledger.incidents import open_or_fold
from upkeep.ledger.recoveries import RecoveryKey, recovery
from upkeep.recoveries.objects import ObjectRecovery

pytestmark = pytest.mark.integration

_NUMBERS = count()


@dataclass
class File:
    """A file of the shop, and what is restored of it. key: its own in each test."""

    cloud: Aws
    key: str = field(default_factory=lambda: f"file-{next(_NUMBERS)}")

    def write(self, text: str, at: datetime = NOW - timedelta(hours=2)) -> str:
        """Write a version of a time; return its id."""
        made: str = self.cloud["s3"].put_object(Bucket=BUCKET, Key=self.key, Body=text)["VersionId"]
        stored = get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"].buckets[BUCKET].keys.getlist(self.key)[-1]
        stored.last_modified = at.replace(tzinfo=None)
        return made

    def read(self, key: str = "") -> str:
        found = self.cloud["s3"].get_object(Bucket=BUCKET, Key=key or self.key)
        return str(found["Body"].read().decode())

    def versions(self) -> int:
        """Return how many versions there are of it and of its copies."""
        return len(self.cloud["s3"].list_object_versions(Bucket=BUCKET, Prefix=self.key)["Versions"])


@pytest.fixture
def file(cloud: Aws) -> File:
    return File(cloud)


@pytest.fixture
def start(act: Callable[..., Act], file: File) -> Callable[..., Stages]:
    """Begin a run that restores a version, in place unless it is said otherwise."""

    def make(version: str, run: str = "manual__1", **form: Any) -> Stages:
        form = {"key": file.key, "version": version, "in_place": True} | form
        of = act(clients=ClientsOf(aws={"s3": file.cloud["s3"]}), run=("shop_file", run), form=form)
        return Stages(of, "restore_object_version", {"bucket": "media"})

    return make


def row(run: Stages) -> Any:
    return recovery(run.act.engine, RecoveryKey(*run.act.run, run.act.task_id))


def planned(run: Stages) -> Stages:
    """Plan and approve."""
    run.until("plan")
    approve(run.act, run.plan)
    return run


def test_from_the_plan_to_the_measure(start, file: File) -> None:
    run = start(file.write("old"))
    file.write("new")
    run.until("plan")
    assert run.plan.destructive
    assert file.read() == "new"
    assert row(run) is None
    approve(run.act, run.plan)

    measured = run.until("clean_up")

    assert measured.said == f"s3://{BUCKET}/{file.key} stays"
    assert (file.read(), file.versions()) == ("old", 3)
    found = row(run)
    assert (found.began_at, found.data_as_of) == (NOW, None)
    assert NOW < found.restored_at < found.verified_at < found.cleaned_at
    assert run.act.carried["restore"] == {"approved_by": ["ada"]}


def test_beside_it_needs_nobody_and_its_name_follows_from_the_run(start, file: File) -> None:
    run = start(file.write("old"), in_place=False)
    file.write("new")
    run.until("measure")
    assert (file.read(), file.read(f"{file.key}.restored-{run.act.label}")) == ("new", "old")

    # Cleared from the plan, it finds its own copy.
    again = run.cleared(back_to="plan", minutes=30)
    again.until("measure")
    assert file.versions() == 3


def test_without_a_version_the_run_ends_with_those_there_are(start, file: File) -> None:
    old, new = file.write("old"), file.write("new", NOW)
    result = start("").do("plan")
    assert result.stop
    choices = result.findings[0].evidence["choices"]
    assert [f"version {one}" in said for one, said in zip((new, old), choices, strict=True)] == [True, True]


def test_killed_after_it_restored_a_repeat_makes_no_second_copy(start, file: File) -> None:
    run = start(file.write("old"))
    file.write("new")
    planned(run).do("restore")
    began = row(run).began_at

    for late in (1, 300):  # what was approved has begun: the approval's end does not stop it half way
        run.do("restore", now=run.act.now + timedelta(minutes=late))

    assert (file.read(), file.versions()) == ("old", 3)
    assert row(run).began_at == began
    run.until("measure")
    assert row(run).verified_at is not None


def test_a_repeat_overwrites_nothing_that_came_since(start, file: File) -> None:
    run = start(file.write("old"))
    file.write("new")
    planned(run).do("restore")
    file.write("newest")
    with pytest.raises(PermanentError, match="plan again"):
        run.do("restore")
    assert file.read() == "newest"
    with pytest.raises(PermanentError):
        run.do("verify")
    assert row(run).verified_at is None


def test_a_plan_that_changed_before_it_began_is_refused(start, file: File) -> None:
    run = start(file.write("old"))
    file.write("new")
    planned(run)
    file.write("newer")
    with pytest.raises(
        PermanentError, match=f"the plan {run.plan.digest} was approved, and things have changed"
    ):
        run.do("restore")
    assert (file.read(), row(run)) == ("newer", None)


def test_what_needs_no_approval_is_still_what_was_planned(start, file: File) -> None:
    """The later stages verify what was planned: another target would be left unseen."""
    run = start(file.write("old"), in_place=False)
    run.until("plan")
    with pytest.raises(
        PermanentError, match=r"things have changed since .* clear the run from the task that plans"
    ):
        run.do("restore", form={**run.act.form, "target": f"{file.key}.elsewhere"})
    assert (file.versions(), row(run)) == (1, None)


def test_an_incident_that_opens_before_it_began_stops_it_and_one_after_does_not(start, file: File) -> None:
    run = start(file.write("old"))
    file.write("new")
    planned(run)
    one = replace(signal(), facts={})
    open_or_fold(run.act.engine, one, chain(), now=run.act.now)
    with pytest.raises(PermanentError, match="opened after this run began"):
        run.do("restore")
    assert file.read() == "new"
    run.do("restore", form={**run.act.form, "despite_freeze": True})
    run.do("restore", form={**run.act.form, "despite_freeze": False})
    assert (file.read(), file.versions()) == ("old", 3)


def test_a_dry_plan_is_refused_in_a_freeze(start, file: File) -> None:
    run = start(file.write("old"))
    file.write("new")
    freeze = {"title": "Sale", "first_day": "2026-11-21", "last_day": "2026-11-21"}
    calendar = type(run.act.system.calendar).model_validate({"freezes": [freeze]})
    frozen = run.act.system.model_copy(update={"calendar": calendar})
    with pytest.raises(PermanentError, match="Sale freezes Shop"):
        run.do("plan", system=frozen)


def test_nothing_is_measured_or_put_into_use_that_nobody_verified(start, file: File) -> None:
    run = start(file.write("old"), in_place=False)
    run.until("plan")
    for stage in ("resume", "measure"):
        with pytest.raises(PermanentError, match="verified"):
            run.do(stage)
    run.until("ready")
    for stage in ("resume", "measure"):
        with pytest.raises(PermanentError, match="verified"):
            run.do(stage)


@pytest.mark.parametrize("stage", ["restore", "ready", "verify", "resume", "measure"])
def test_without_a_plan_a_stage_says_where_to_clear(start, file: File, stage: str) -> None:
    with pytest.raises(PermanentError, match="'plan' has left no plan; clear the run from there"):
        start(file.write("old")).do(stage)


def test_without_a_plan_there_is_nothing_to_clean_up(start, file: File) -> None:
    assert start(file.write("old")).do("clean_up").said == "nothing was made: there was no plan"


@dataclass(frozen=True)
class AllData(ObjectRecovery):
    """The same, as if the one version were all the data."""

    def data_as_of(self, plan: Plan) -> datetime | None:
        return datetime.fromisoformat(plan.facts["source"]["modified_at"])


def whole(act: Act, parameters: ObjectParameters) -> AllData:
    made = objects.version(act, parameters)
    return AllData(made.client, made.wanted, made.approvals)


def measured(result: Result) -> list[tuple[State, float | None]]:
    return [(finding.state, finding.value) for finding in result.findings]


def test_the_time_counts_from_the_loss_and_the_loss_from_the_data(start, file: File) -> None:
    """The objective is an hour for both."""
    lost = NOW - timedelta(minutes=90)
    run = start(file.write("old", NOW - timedelta(minutes=100)), in_place=False, lost_at=lost.isoformat())
    run.until("plan")
    stages, parameters = RecoveryStages(whole, drill=False), ObjectParameters(bucket="media")
    for stage in (stages.restore, stages.verify):
        stage(run.act, parameters)
    result = stages.measure(run.act, parameters)
    took = (row(run).verified_at - lost).total_seconds()
    assert measured(result) == [(State.CRITICAL, took), (State.OK, 600)]
    assert result.findings[0].limit_value == 3600


def test_the_age_of_one_file_is_said_and_is_no_lost_work(start, file: File) -> None:
    run = start(file.write("old", NOW - timedelta(days=194)), in_place=False)
    run.until("plan")
    assert "the version is as of 2026-05-11 14:05:00 UTC, 194 d before this run" in run.plan.notes
    assert [finding.check for finding in run.until("measure").findings] == [
        f"recovery_time{{subject=objects of {BUCKET}}}"
    ]


def test_a_loss_in_the_future_is_refused(start, file: File) -> None:
    run = start(file.write("old"), in_place=False, lost_at=(NOW + timedelta(days=1)).isoformat())
    run.until("plan")
    with pytest.raises(ConfigurationError, match="lies in the future"):
        run.do("restore")
    assert file.versions() == 1


def test_each_is_compared_with_those_before_and_not_with_itself(start, file: File) -> None:
    version = file.write("old")
    first = start(version, in_place=False)
    assert "It has not been done before" in " ".join(first.until("plan").findings[0].evidence["notes"])
    assert "before took" not in first.until("measure").said

    again = first.cleared(back_to="plan", minutes=30)
    assert "It has not been done before" in " ".join(again.until("plan").findings[0].evidence["notes"])
    assert "before took" not in again.until("measure").said

    second = start(version, "manual__2", in_place=False, target=f"{file.key}.second")
    second.act = replace(second.act, began_at=NOW + timedelta(hours=2), now=NOW + timedelta(hours=2))
    assert "Last time, 2026-11-21 (a recovery)" in " ".join(
        second.until("plan").findings[0].evidence["notes"]
    )
    assert "; the 1 before took" in second.until("measure").said


@dataclass(frozen=True)
class Reading(ObjectRecovery):
    """The same, and its text must not say that it is bad."""

    def verify(self, plan: Plan) -> Sequence[Proof]:
        read = self.client.get_object(Bucket=plan.facts["bucket"], Key=plan.facts["target"])["Body"].read()
        problems = ["its text is bad"] if read == b"bad" else []
        return [*super().verify(plan), Proof(Level.INVARIANTS, NOW, problems)]


def reading(act: Act, parameters: ObjectParameters) -> Reading:
    made = objects.version(act, parameters)
    return Reading(made.client, made.wanted, made.approvals)


def test_what_is_not_as_it_must_be_is_not_verified(start, file: File) -> None:
    run = start(file.write("bad"), in_place=False)
    run.until("plan")
    stages, parameters = RecoveryStages(reading, drill=False), ObjectParameters(bucket="media")
    stages.restore(run.act, parameters)

    result = stages.verify(run.act, parameters)

    assert [finding.state for finding in result.findings] == [State.CRITICAL]
    assert "its text is bad" in result.said
    assert (row(run).verified_at, row(run).problems) == (None, ["its text is bad"])
    for stage in (stages.resume, stages.measure):
        with pytest.raises(PermanentError, match="verified"):
            stage(run.act, parameters)


def test_what_an_earlier_attempt_verified_does_not_speak_for_a_later_one(start, file: File) -> None:
    good, bad = file.write("good"), file.write("bad")
    run = start(good, in_place=False, target=f"{file.key}.back")
    run.until("measure")
    assert row(run).verified_at is not None

    again = run.cleared(back_to="plan", minutes=30)
    form: Mapping[str, Any] = {**again.act.form, "version": bad, "target": f"{file.key}.other"}
    again.act = replace(again.act, form=form)
    again.until("restore")
    assert (row(again).restored_at, row(again).verified_at) == (None, None)
    with pytest.raises(PermanentError, match="nothing was verified"):
        again.do("resume")

    again.until("verify")
    assert row(again).verified_at is not None
    stages = RecoveryStages(reading, drill=False)
    stages.verify(again.act, ObjectParameters(bucket="media"))
    assert row(again).verified_at is None
