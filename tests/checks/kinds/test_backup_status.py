"""backup_status against moto's RDS and S3: one fault, one finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from servers.aws import Aws, aws, aws_client
from servers.bad import hanging, http, refusing, saying
from servers.prometheus import prometheus
from servers.situation import ask, checks_of, make_context, make_system, states
from upkeep.checks.context import CheckContext
from upkeep.clients.endpoint import Endpoint
from upkeep.clients.prometheus import Prometheus
from upkeep.errors import ConfigurationError
from upkeep.findings import Finding, State

pytestmark = pytest.mark.integration
AS_OF = datetime(2025, 6, 10, 10, tzinfo=UTC)
DUE = AS_OF.replace(hour=3)
BUCKET = "shop-backups"
QUESTIONS = ("age", "complete", "encryption", "size")


@pytest.fixture(scope="module")
def cloud() -> Iterator[Aws]:
    with aws() as running:
        yield running


def policy(location: dict[str, Any], **changes: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "title": "Database",
        "what": "the database",
        "method": "dump",
        "schedule": "0 3 * * *",
        "location": {"connection": "shop_aws", **location},
        "encryption": "aws:kms",
        "grace_minutes": 240,
        "smallest_bytes": 100,
    }
    return facts | changes


def context_of(clients: Any, one: dict[str, Any], **parts: Any) -> CheckContext:
    system = make_system(connections={"aws": "shop_aws"}, backups={"db": one}, **parts)
    return make_context(system, as_of=AS_OF, aws=clients)


def judged(found: dict[str, Finding]) -> dict[str, State]:
    """What is not ok, by question."""
    return {
        name.split("{")[0].removeprefix("backup_"): finding.state
        for name, finding in found.items()
        if finding.state is not State.OK
    }


@pytest.fixture
def instance(cloud: Aws, request: pytest.FixtureRequest) -> str:
    name = f"db-{abs(hash(request.node.name)) % 10**8}"
    cloud.instance(name)
    for day in range(1, 6):
        at = DUE - timedelta(days=day)
        cloud.snapshot(name, f"{name}-{at:%Y%m%d}", at + timedelta(minutes=10))
    return name


def snapshots(name: str, **changes: Any) -> dict[str, Any]:
    location = {"kind": "rds_snapshot", "instance": name, "name_prefix": f"{name}-"}
    return policy(location, method="rds_snapshot", **changes)


def test_last_nights_snapshot(cloud: Aws, instance: str) -> None:
    cloud.snapshot(instance, f"{instance}-20250610", DUE + timedelta(minutes=20))
    found = ask("backup_status", context_of(cloud, snapshots(instance)))
    assert set(found) == {f"backup_{question}{{policy=db}}" for question in QUESTIONS}
    assert judged(found) == {}
    assert found["backup_age{policy=db}"].value == 6 * 3600 + 40 * 60
    assert found["backup_size{policy=db}"].value == 100 * 2**30
    assert found["backup_age{policy=db}"].evidence["newest"] == f"{instance}-20250610"
    assert found["backup_age{policy=db}"].source == f"rds: snapshots of {instance}"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (None, {"age": State.CRITICAL}),
        ({"status": "creating"}, {"complete": State.CRITICAL}),
        ({"status": "failed"}, {"complete": State.CRITICAL}),
        ({"encrypted": False, "storage_encrypted": False}, {"encryption": State.CRITICAL}),
        ({"allocated_storage": 20}, {"size": State.WARNING}),
    ],
)
def test_one_fault_of_a_snapshot_changes_one_finding(
    cloud: Aws, instance: str, facts: dict[str, Any] | None, expected: dict[str, State]
) -> None:
    if facts is not None:
        cloud.snapshot(instance, f"{instance}-20250610", DUE + timedelta(minutes=20), **facts)
    assert judged(ask("backup_status", context_of(cloud, snapshots(instance)))) == expected


def test_an_objective_out_of_reach_is_a_warning(cloud: Aws, instance: str) -> None:
    cloud.snapshot(instance, f"{instance}-20250610", DUE + timedelta(minutes=20))
    found = ask("backup_status", context_of(cloud, snapshots(instance, rpo_minutes=60)))
    assert judged(found) == {"rpo": State.WARNING}
    assert "cannot meet" in found["backup_rpo{policy=db}"].summary


def test_the_schedule_is_in_the_systems_time_zone(cloud: Aws, instance: str) -> None:
    # 06:00 in Auckland is 18:00 UTC of the day before: what was made at 03:10 UTC is of the slot before it.
    late = snapshots(instance, schedule="0 6 * * *", grace_minutes=30)
    cloud.snapshot(instance, f"{instance}-20250610", DUE + timedelta(minutes=10))
    zone = ask("backup_status", context_of(cloud, late, timezone="Pacific/Auckland"))
    utc = ask("backup_status", context_of(cloud, late))
    assert zone["backup_age{policy=db}"].state is State.WARNING  # there, but hours after its grace
    assert utc["backup_age{policy=db}"].state is State.CRITICAL


def test_no_snapshot_at_all(cloud: Aws) -> None:
    cloud.instance("bare")
    found = ask("backup_status", context_of(cloud, snapshots("bare")))
    assert found["backup_age{policy=db}"].state is State.CRITICAL
    assert {found[f"backup_{q}{{policy=db}}"].state for q in QUESTIONS[1:]} == {State.UNKNOWN}


def objects(**changes: Any) -> dict[str, Any]:
    return policy({"kind": "s3_objects", "bucket": BUCKET, "prefix": "db/"}, **changes)


KMS = {"ServerSideEncryption": "aws:kms"}


def backup(cloud: Aws, at: datetime, size: int = 1000, proof: bool = True, **how: Any) -> None:
    name = f"db/{at:%Y/%m/%d}/db-{at:%Y%m%dT%H%M%SZ}.dump"
    how = how or KMS
    cloud.put(BUCKET, name, b"x" * size, at, **how)
    if proof:
        cloud.put(BUCKET, f"{name}.sha256", b"0" * 64, at, **how)


@pytest.fixture
def bucket(cloud: Aws) -> Aws:
    cloud.bucket(BUCKET)
    for day in range(1, 6):
        backup(cloud, DUE - timedelta(days=day))
    return cloud


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, {}),
        ({"missing": True}, {"age": State.CRITICAL}),
        ({"ServerSideEncryption": "AES256"}, {"encryption": State.CRITICAL}),
        ({"proof": False}, {"complete": State.CRITICAL}),
        ({"size": 99}, {"size": State.CRITICAL}),
        ({"size": 400}, {"size": State.WARNING}),
        ({"size": 0}, {"complete": State.CRITICAL, "size": State.CRITICAL}),
    ],
)
def test_one_fault_of_objects(bucket: Aws, how: dict[str, Any], expected: dict[str, State]) -> None:
    if not how.get("missing"):
        backup(bucket, DUE + timedelta(minutes=1), **how)
    found = ask("backup_status", context_of(bucket, objects()))
    assert judged(found) == expected


def test_objects_that_are_not_encrypted(bucket: Aws) -> None:
    backup(bucket, DUE, CacheControl="no-store")
    assert judged(ask("backup_status", context_of(bucket, objects()))) == {"encryption": State.CRITICAL}


def test_the_time_in_the_name_counts_not_when_it_was_copied(bucket: Aws) -> None:
    old = DUE - timedelta(days=9)
    bucket.put(BUCKET, f"db/{old:%Y/%m/%d}/db-{old:%Y%m%dT%H%M%SZ}.dump", b"x" * 1000, DUE, **KMS)
    assert judged(ask("backup_status", context_of(bucket, objects()))) == {"age": State.CRITICAL}


def test_encryption_by_the_writer_shows_in_the_name_or_not_at_all(cloud: Aws) -> None:
    cloud.bucket(BUCKET)
    cloud.put(BUCKET, f"db/db-{DUE:%Y%m%d-%H%M%S}.dump.age", b"x" * 1000, DUE)
    age = ask("backup_status", context_of(cloud, objects(encryption="age")))
    restic = ask("backup_status", context_of(cloud, objects(encryption="restic")))
    assert judged(age) == {}
    assert judged(restic) == {"encryption": State.UNKNOWN}


def test_a_bucket_that_is_not_there_is_unknown_not_a_missing_backup(cloud: Aws) -> None:
    nowhere = policy({"kind": "s3_objects", "bucket": "no-such-bucket-here", "prefix": "db/"})
    found = ask("backup_status", context_of(cloud, nowhere))
    assert states(found) == {"backup{policy=db}": State.UNKNOWN}
    assert "no-such-bucket-here" in (found["backup{policy=db}"].reason or "")


def test_another_connection_than_the_systems_is_a_mistake(cloud: Aws) -> None:
    other = objects()
    other["location"]["connection"] = "their_aws"
    found = ask("backup_status", context_of(cloud, other))["backup{policy=db}"]
    assert "their_aws" in (found.reason or "")
    assert "shop_aws" in (found.reason or "")


def test_a_git_repository_cannot_be_looked_into(cloud: Aws) -> None:
    git = policy({}, method="git_export") | {"location": {"kind": "git", "repository": "configuration"}}
    found = ask("backup_status", context_of(cloud, git))["backup{policy=db}"]
    assert found.state is State.UNKNOWN


def test_a_replica_is_judged_by_its_lag(cloud: Aws, tmp_path: Any) -> None:
    one = policy({}, schedule=None, encryption="none") | {"location": {"kind": "replica", "metric": "lag"}}
    lag = {"title": "Lag", "promql": "lag", "unit": "seconds", "critical": [{"above": "1 min"}]}
    system = make_system(backups={"db": one}, metrics={"lag": lag})
    start = AS_OF - timedelta(minutes=10)
    with (
        prometheus(tmp_path, {"lag": lambda _: 90}, start=start, end=AS_OF, step=timedelta(minutes=1)) as url,
        Prometheus(Endpoint(url)) as client,
    ):
        found = ask("backup_status", make_context(system, as_of=AS_OF, prometheus=client))
    assert states(found) == {"lag": State.CRITICAL}


def test_unknown_policies_are_refused(cloud: Aws) -> None:
    with pytest.raises(ConfigurationError, match="no backup policy nope; it has: db"):
        checks_of("backup_status", context_of(cloud, objects()), policies=["nope"])


def test_backups_are_read_in_the_present(cloud: Aws) -> None:
    assert all(check.present for check in checks_of("backup_status", context_of(cloud, objects())))


@pytest.mark.parametrize("kind", ["rds", "s3"])
@pytest.mark.parametrize("fault", ["refuses", "hangs", "garbage", "error", "denied"])
def test_a_bad_cloud_is_unknown(kind: str, fault: str) -> None:
    answers = {
        "garbage": http(200, b"\x00 not xml"),
        "error": http(500, b"<Error><Code>InternalError</Code></Error>", "text/xml"),
        "denied": http(403, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>", "text/xml"),
    }
    servers: dict[str, Callable[[], Any]] = {"refuses": refusing, "hangs": hanging}
    server = servers.get(fault) or (lambda: saying(answers[fault]))
    one = snapshots("db") if kind == "rds" else objects()
    with server() as port:
        client = aws_client(kind, f"http://127.0.0.1:{port}", timeout_seconds=1)
        found = ask("backup_status", context_of({kind: client}, one), seconds=20)["backup{policy=db}"]
    assert found.state is State.UNKNOWN
    assert found.reason
    assert "unexpected" not in found.reason
    if fault != "garbage":
        assert found.temporary == (fault != "denied")
