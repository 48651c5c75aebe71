from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sandbox.estate import Endpoint
from sandbox.seeds.aws_names import REGION, SECOND_REGION
from sandbox.seeds.backups import POLICIES, Policy
from sandbox.servers.aws_estate import BUCKETS, ERROR_GROUP
from sandbox.servers.aws_region import PRIMARY, STANDBY, ZONE

pytestmark = pytest.mark.integration
Get = Callable[[str], Endpoint]
Client = Callable[..., Any]


@pytest.fixture
def client(part: Get) -> Client:
    aws = part("aws")

    def make(service: str, region: str = aws.details["region"]) -> Any:
        return boto3.client(
            service, endpoint_url=aws.url, region_name=region, aws_access_key_id="x",
            aws_secret_access_key="x", config=Config(retries={"max_attempts": 1}, read_timeout=20),
        )  # fmt: skip

    return make


def test_the_instance_is_encrypted_mysql(client: Client) -> None:
    (instance,) = client("rds").describe_db_instances(DBInstanceIdentifier="quikapp-live")["DBInstances"]
    assert instance["Engine"] == "mysql"
    assert instance["DBInstanceStatus"] == "available"
    assert instance["StorageEncrypted"]


def test_there_is_a_snapshot_for_each_of_the_last_fourteen_nights(client: Client) -> None:
    found = client("rds").describe_db_snapshots(DBInstanceIdentifier="quikapp-live")["DBSnapshots"]
    assert len(found) in (14, 15)  # one may have become due since the start
    for snapshot in found:
        made = snapshot["SnapshotCreateTime"]
        assert snapshot["DBSnapshotIdentifier"] == f"quikapp-live-snapshot-{made:%Y%m%d}"
        assert (made.hour, made.minute) == (3, 12)
        assert snapshot["Encrypted"]
        assert snapshot["Status"] == "available"
        assert snapshot["AllocatedStorage"] == pytest.approx(515, abs=20)
    newest = max(snapshot["SnapshotCreateTime"] for snapshot in found)
    assert datetime.now(UTC) - newest < timedelta(hours=24)


@pytest.mark.parametrize("one", [p for p in POLICIES if not p.snapshot], ids=lambda p: p.name)
def test_the_backups_of_each_policy_are_there(client: Client, one: Policy) -> None:
    s3 = client("s3")
    now = datetime.now(UTC)
    newest = one.moments(now - timedelta(days=400), now - timedelta(minutes=2))[-1]
    for name in one.names:
        head = s3.head_object(Bucket=one.bucket, Key=newest.strftime(name))
        assert head["LastModified"] == newest + one.takes
        assert head["ServerSideEncryption"] == one.encryption
        assert head["ContentLength"] > 1024
    body = s3.get_object(Bucket=one.bucket, Key=newest.strftime(one.names[0]))
    assert hashlib.sha256(body["Body"].read()).hexdigest() == body["Metadata"]["sha256"]


def test_the_buckets_are_the_guides(client: Client) -> None:
    s3 = client("s3")
    assert {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]} == set(BUCKETS)
    assert s3.get_bucket_versioning(Bucket="quikapp-media-live")["Status"] == "Enabled"
    versions = s3.list_object_versions(Bucket="quikapp-media-live", Prefix="files/abc123.pdf")["Versions"]
    assert len(versions) == 3
    rule = s3.get_bucket_encryption(Bucket="zetra-backups")["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"


def test_the_second_region_stands_by(client: Client) -> None:
    west = client("rds", SECOND_REGION)
    (standby,) = west.describe_db_instances()["DBInstances"]
    assert standby["DBInstanceIdentifier"] == STANDBY
    assert standby["ReadReplicaSourceDBInstanceIdentifier"].split(":")[3] == REGION
    location = client("s3").get_bucket_location(Bucket="tapio-backups-west")["LocationConstraint"]
    assert location == SECOND_REGION
    rows = client("route53").list_resource_record_sets(HostedZoneId=ZONE)["ResourceRecordSets"]
    (database,) = [row for row in rows if row["Name"] == "db.tapio.example.com."]
    (primary,) = client("rds").describe_db_instances(DBInstanceIdentifier=PRIMARY)["DBInstances"]
    assert database["ResourceRecords"] == [{"Value": primary["Endpoint"]["Address"]}]
    west.create_db_instance_read_replica(
        DBInstanceIdentifier="promoted", SourceDBInstanceIdentifier=primary["DBInstanceArn"],
        SourceRegion=REGION, DeletionProtection=False,
    )  # fmt: skip
    west.promote_read_replica(DBInstanceIdentifier="promoted")
    (promoted,) = west.describe_db_instances(DBInstanceIdentifier="promoted")["DBInstances"]
    assert not promoted.get("ReadReplicaSourceDBInstanceIdentifier")
    west.delete_db_instance(DBInstanceIdentifier="promoted", SkipFinalSnapshot=True)


def test_the_other_services_have_something_to_show(client: Client) -> None:
    users = client("iam").list_users()["Users"]
    assert {"quikapp-backup", "tapio-backup"} <= {user["UserName"] for user in users}
    certificates = client("acm").list_certificates()["CertificateSummaryList"]
    assert {one["DomainName"] for one in certificates} == {"api.quikapp.com", "auth.quikapp.com"}
    secrets = client("secretsmanager").list_secrets()["SecretList"]
    assert all(datetime.now(UTC) - one["LastChangedDate"] > timedelta(days=10) for one in secrets)
    now = datetime.now(UTC)
    points = client("cloudwatch").get_metric_statistics(
        Namespace="AWS/RDS", MetricName="DatabaseConnections", Period=3600, Statistics=["Average"],
        Dimensions=[{"Name": "DBInstanceIdentifier", "Value": "quikapp-live"}],
        StartTime=now - timedelta(hours=12), EndTime=now,
    )  # fmt: skip
    assert len(points["Datapoints"]) >= 11
    lines = client("logs").filter_log_events(logGroupName=ERROR_GROUP, limit=100)["events"]
    assert len(lines) == 59
