"""The failover and its drill through their stages, as Tapio's file and the sandbox's cloud have them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto.backends import get_backend
from tests.servers.aws import Aws, aws
from tests.servers.ledger import ledger, postgres_server  # noqa: F401  fixtures
from tests.servers.rds_stages import provider_of

from sandbox.seeds.aws_names import ACCOUNT, REGION, SECOND_REGION
from sandbox.servers.aws_region import PRIMARY, STANDBY, ZONE, plant_second_region
from upkeep.acts.kinds.region import FailoverParameters, fail_over
from upkeep.acts.model import Act, Does, Result
from upkeep.backups.region import DnsRecord
from upkeep.backups.region.dns import leads_to, record_sets
from upkeep.catalog.check import check_file
from upkeep.catalog.models import System
from upkeep.checks.registry import kind
from upkeep.errors import ConfigurationError, PermanentError
from upkeep.findings import State
from upkeep.ledger.approvals import Request, record_approval

pytestmark = pytest.mark.integration
TAPIO = Path(__file__).parents[2] / "include" / "systems" / "tapio.yaml"
NAMES = ("tapio.example.com", "db.tapio.example.com", "failover-drill.tapio.example.com")
LABEL = "20261121t020000z-1a2b3c4d"


@dataclass
class Cloud:
    """The sandbox's two regions, and what its metric says of the lag."""

    url: str
    lag: list[float]

    def aws(self, service: str, region: str | None = None) -> Any:
        return boto3.client(
            service, endpoint_url=self.url, region_name=region or REGION, aws_access_key_id="x",
            aws_secret_access_key="x",
        )  # fmt: skip

    def prometheus(self) -> Any:
        return SimpleNamespace(instant=lambda *_: [SimpleNamespace(value=one) for one in self.lag])

    def leads(self) -> list[str]:
        """Return the region that each name leads to."""
        return [self._region(name) for name in NAMES]

    def _region(self, name: str) -> str:
        [row] = record_sets(self.aws("route53"), DnsRecord(ZONE, name, "CNAME", (), ()))
        [value] = leads_to(row)
        return next(part for part in value.split(".") if part.startswith("us-"))

    def instances(self) -> list[str]:
        """Return the instances of the second region."""
        rows = self.aws("rds", SECOND_REGION).describe_db_instances()["DBInstances"]
        return [row["DBInstanceIdentifier"] for row in rows]


@pytest.fixture(scope="module")
def moto() -> Iterator[Aws]:
    with aws() as running:
        yield running


@pytest.fixture
def cloud(moto: Aws) -> Cloud:
    for service in ("rds", "route53", "s3"):
        for region in get_backend(service)[ACCOUNT].values():
            region.reset()
    cloud = Cloud(moto.url, [1.5])
    plant_second_region(datetime.now(UTC))
    bucket = {"Bucket": "tapio-backups-west"}
    s3 = cloud.aws("s3", SECOND_REGION)
    s3.create_bucket(**bucket, CreateBucketConfiguration={"LocationConstraint": SECOND_REGION})
    s3.put_object(**bucket, Key="data-1.tar.gz", Body=b"newest")
    return cloud


@pytest.fixture(scope="module")
def tapio() -> System:
    system = check_file(TAPIO)[0]
    assert system is not None
    return system


@pytest.fixture
def act(cloud: Cloud, tapio: System, ledger: Any) -> Act:  # noqa: F811  the fixture
    now = datetime.now(UTC)
    return Act(
        system_id="tapio", system=tapio, clients=cloud, engine=ledger, task_id="region", label=LABEL,
        began_at=now, now=now, dry_run=False, form={"source_state": "fenced"}, carried={},
        run=("tapio_fail_over", "manual__1"), attempt=0,
    )  # fmt: skip


def run(act: Act, name: str, *, until: str = "") -> tuple[Act, dict[str, Result]]:
    """Run the stages after those that were run, up to one."""
    spec = kind(name)
    assert spec.act is not None
    done: dict[str, Result] = {}
    for stage in spec.act.stages:
        if stage.name in act.carried or stage.does is Does.APPROVE or stage.function is None:
            continue
        parameters = spec.parameters()
        now = replace(act, now=datetime.now(UTC), provider=provider_of(stage, act, parameters))
        done[stage.name] = stage.function(now, parameters)
        assert done[stage.name].ready, stage.name
        act = replace(act, carried={**act.carried, stage.name: done[stage.name].carried})
        if stage.name == until:
            break
    return act, done


def approve(act: Act, *persons: str) -> None:
    request = Request(*act.run, act.task_id, act.attempt)
    for person in persons:
        record_approval(
            act.engine, request, act.carried["plan"], approved_by=person, approved_at=act.now,
            expires_at=act.now + timedelta(hours=1),
        )  # fmt: skip


def test_without_a_word_on_the_source_nothing_is_planned(act: Act, cloud: Cloud) -> None:
    act, done = run(replace(act, form={}), "fail_over_region", until="plan")
    assert done["plan"].stop
    assert [choice.split(":")[0] for choice in done["plan"].findings[0].evidence["choices"]] == [
        "gone", "fenced",
    ]  # fmt: skip


def test_two_persons_approve_and_the_second_region_takes_over(act: Act, cloud: Cloud) -> None:
    planned, _ = run(act, "fail_over_region", until="plan")
    approve(planned, "first")
    with pytest.raises(PermanentError, match="1 of 2 persons"):
        run(planned, "fail_over_region")
    assert cloud.leads() == ["us-east-1"] * 3
    approve(planned, "second")
    _, done = run(planned, "fail_over_region")
    assert cloud.leads() == ["us-west-2", "us-west-2", "us-east-1"]
    assert done["restore"].carried["approved_by"] == ["first", "second"]
    assert [found.state for found in done["measure"].findings] == [State.OK, State.OK]
    assert "must not be started again" in done["clean_up"].said
    [row] = cloud.aws("rds", SECOND_REGION).describe_db_instances()["DBInstances"]
    assert not row.get("ReadReplicaSourceDBInstanceIdentifier")


def test_the_drill_touches_neither_production_nor_the_standby(act: Act, cloud: Cloud) -> None:
    act, before = run(replace(act, form={}), "drill_region", until="verify")
    drilled = f"{STANDBY}-drill-{LABEL}"
    assert before["verify"].findings[0].state is State.OK
    assert cloud.leads() == ["us-east-1", "us-east-1", "us-west-2"]
    assert cloud.instances() == [STANDBY, drilled]
    act, done = run(act, "drill_region")
    assert [found.check.split("{")[0] for found in done["measure"].findings] == [
        "recovery_time", "recovery_loss",
    ]  # fmt: skip
    assert done["measure"].findings[1].value == pytest.approx(1.5, abs=1.5)
    assert cloud.leads() == ["us-east-1"] * 3
    assert cloud.instances() == [STANDBY]
    [source] = cloud.aws("rds").describe_db_instances(DBInstanceIdentifier=PRIMARY)["DBInstances"]
    assert [one.rsplit(":", 1)[-1] for one in source["ReadReplicaDBInstanceIdentifiers"]] == [STANDBY]


def test_a_drill_that_broke_off_is_taken_away_and_twice_is_no_error(act: Act, cloud: Cloud) -> None:
    act, _ = run(replace(act, form={}), "drill_region", until="prepare")
    assert len(cloud.instances()) == 2
    spec = kind("drill_region")
    assert spec.act is not None
    clean_up = spec.act.stages[-1]
    assert clean_up.function is not None
    for _ in range(2):
        provider = provider_of(clean_up, act, spec.parameters())
        clean_up.function(replace(act, provider=provider), spec.parameters())
        assert cloud.instances() == [STANDBY]


def test_a_foreign_instance_of_the_drills_name_is_left_alone(act: Act, cloud: Cloud) -> None:
    drilled = f"{STANDBY}-drill-{LABEL}"
    planned, _ = run(replace(act, form={}), "drill_region", until="plan")
    cloud.aws("rds", SECOND_REGION).create_db_instance(
        DBInstanceIdentifier=drilled, DBInstanceClass="db.r6g.large", Engine="postgres", AllocatedStorage=20,
        MasterUsername="somebody", MasterUserPassword="not-a-secret",
    )  # fmt: skip
    for stage in ("prepare", "clean_up"):
        spec = kind("drill_region")
        assert spec.act is not None
        function = next(one.function for one in spec.act.stages if one.name == stage)
        assert function is not None
        with pytest.raises(PermanentError, match="not made by this drill"):
            function(planned, spec.parameters())
    with pytest.raises(PermanentError, match="not made by this drill"):
        run(replace(act, form={}), "drill_region", until="plan")
    assert drilled in cloud.instances()


@pytest.mark.parametrize("lag", [[], [float("nan")], [5.0, 7200.0]])
def test_a_lag_that_is_unknown_or_too_long_is_refused(act: Act, cloud: Cloud, lag: list[float]) -> None:
    cloud.lag = lag
    with pytest.raises(PermanentError, match=r"nobody can tell|7200 s behind"):
        run(act, "fail_over_region", until="plan")
    said = replace(act, form={**act.form, "behind_seconds": 30})
    assert run(said, "fail_over_region", until="plan")[1]["plan"].findings[0].state is State.OK


@pytest.mark.parametrize("behind", [-1, True, "30"])
def test_a_persons_word_is_read_strictly(act: Act, behind: Any) -> None:
    wrong = replace(act, form={**act.form, "behind_seconds": behind})
    with pytest.raises(ConfigurationError, match="behind_seconds"):
        fail_over(wrong, FailoverParameters())


def test_a_system_without_a_second_region_says_so(act: Act) -> None:
    without = act.system.model_copy(update={"recovery_targets": None})
    with pytest.raises(ConfigurationError, match="second_region"):
        fail_over(replace(act, system=without), FailoverParameters())
