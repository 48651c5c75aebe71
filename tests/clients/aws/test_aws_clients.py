"""The AWS functions against moto, and against servers that are none."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.stub import Stubber

from servers.aws import REGION, aws, aws_client
from upkeep.clients.answers import NotFoundError
from upkeep.clients.aws import (
    acm_certificates,
    guardduty_findings,
    rds_instance,
    rds_snapshots,
    s3_head,
    s3_objects,
    securityhub_findings,
)
from upkeep.clients.logs import cloudwatch_logs
from upkeep.errors import BadAnswer, ConfigurationError, TemporaryError

AT = datetime(2026, 3, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def cloud():
    with aws() as found:
        yield found


@pytest.mark.integration
class TestMoto:
    def test_snapshots(self, cloud):
        cloud.instance("shop", size_gib=200)
        for day in range(3):
            cloud.snapshot("shop", f"shop-{day}", AT + timedelta(days=day))
        cloud.instance("other", encrypted=False)
        cloud.snapshot("other", "other-0", AT)
        found = sorted(rds_snapshots(cloud["rds"], "shop"), key=lambda s: s.created_at)
        # With the instance comes an automated one, made now.
        assert found.pop().kind == "automated"
        assert [s.id for s in found] == ["shop-0", "shop-1", "shop-2"]
        assert found[0].created_at == AT
        assert found[0].status == "available"
        assert found[0].allocated_bytes == 200 * 1024**3
        assert found[0].encrypted
        assert not any(s.encrypted for s in rds_snapshots(cloud["rds"], "other"))
        assert list(rds_snapshots(cloud["rds"], "nobody")) == []

    def test_an_instance(self, cloud):
        cloud.instance("described")
        found = rds_instance(cloud["rds"], "described")
        assert (found.id, found.status, found.encrypted) == ("described", "available", True)
        with pytest.raises(NotFoundError, match="nobody"):
            rds_instance(cloud["rds"], "nobody")

    def test_objects_page_by_page(self, cloud):
        cloud.bucket("many")
        for n in range(5):
            cloud.put("many", f"daily/{n}", b"x" * n, AT + timedelta(days=n))
        cloud.put("many", "weekly/0", b"x")
        found = list(s3_objects(cloud["s3"], "many", "daily/"))
        assert [(o.key, o.size_bytes) for o in found] == [(f"daily/{n}", n) for n in range(5)]
        assert found[3].modified_at == AT + timedelta(days=3)
        assert list(s3_objects(cloud["s3"], "many", "nothing/")) == []

    def test_more_objects_than_a_page_holds(self, cloud):
        cloud.bucket("pages")
        for n in range(1001):
            cloud.put("pages", f"{n:04}", b"")
        assert len(list(s3_objects(cloud["s3"], "pages"))) == 1001

    def test_what_is_known_of_an_object(self, cloud):
        cloud.bucket("one")
        how = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "key-1", "Metadata": {"SHA256": "abc"}}
        cloud.put("one", "dump", b"12345", AT, **how)
        head = s3_head(cloud["s3"], "one", "dump")
        assert (head.size_bytes, head.modified_at, head.encryption) == (5, AT, "aws:kms")
        assert head.kms_key.endswith("key-1")
        assert head.metadata == {"sha256": "abc"}
        assert head.storage_class == "STANDARD"

    def test_what_is_not_there(self, cloud):
        cloud.bucket("one")
        with pytest.raises(NotFoundError, match="nothing"):
            s3_head(cloud["s3"], "one", "nothing")
        with pytest.raises(NotFoundError, match="no-such-bucket"):
            list(s3_objects(cloud["s3"], "no-such-bucket"))

    def test_certificates(self, cloud):
        cloud["acm"].request_certificate(
            DomainName="shop.example.com", SubjectAlternativeNames=["shop.example.com", "www.example.com"]
        )
        [found] = acm_certificates(cloud["acm"])
        assert found.domain == "shop.example.com"
        assert set(found.names) == {"shop.example.com", "www.example.com"}
        assert not found.in_use
        assert found.not_after is None or found.not_after.tzinfo is not None

    def test_log_events_of_a_period(self, cloud):
        logs = cloud["logs"]
        logs.create_log_group(logGroupName="/shop")
        logs.create_log_stream(logGroupName="/shop", logStreamName="api")
        start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        texts = ["before", "first ERROR", "fine", "last ERROR", "at the end"]
        minutes = [-1, 0, 1, 9, 10]
        events = [
            {"timestamp": int((start + timedelta(minutes=m)).timestamp() * 1000), "message": text}
            for m, text in zip(minutes, texts, strict=True)
        ]
        logs.put_log_events(logGroupName="/shop", logStreamName="api", logEvents=events)
        end = start + timedelta(minutes=10)
        found = list(cloudwatch_logs(logs, "/shop", start, end))
        assert [line.text for line in found] == ["first ERROR", "fine", "last ERROR"]
        assert (found[0].at, found[0].source) == (start, "/shop/api")
        assert [x.text for x in cloudwatch_logs(logs, "/shop", start, end, "ERROR")] == [texts[1], texts[3]]
        assert len(list(cloudwatch_logs(logs, "/shop", start, end, max_lines=2))) == 2
        with pytest.raises(NotFoundError, match="/nobody"):
            list(cloudwatch_logs(logs, "/nobody", start, end))

    def test_security_hub(self, cloud):
        hub = cloud["securityhub"]
        finding = {
            "SchemaVersion": "2018-10-08",
            "Id": "finding-1",
            "ProductArn": f"arn:aws:securityhub:{REGION}:123456789012:product/123456789012/default",
            "GeneratorId": "rule",
            "AwsAccountId": "123456789012",
            "Types": ["Software and Configuration Checks"],
            "CreatedAt": AT.isoformat(),
            "UpdatedAt": AT.isoformat(),
            "Severity": {"Label": "HIGH"},
            "Title": "A bucket is public",
            "Description": "It is",
            "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::shop"}],
        }
        hub.batch_import_findings(Findings=[finding])
        [found] = securityhub_findings(hub, AT - timedelta(days=1))
        assert (found.id, found.severity, found.resources) == ("finding-1", "HIGH", ("arn:aws:s3:::shop",))
        assert found.last_seen == AT


def test_guardduty_asks_each_detector_and_names_severities():
    """There is no server of GuardDuty's findings: botocore checks the calls and answers against its model."""
    client = boto3.client("guardduty", REGION, aws_access_key_id="x", aws_secret_access_key="x")
    row = {
        "Id": "f1",
        "Type": "Recon:EC2/Portscan",
        "Title": "A scan",
        "Severity": 8.0,
        "CreatedAt": "2026-03-01T02:00:00.000Z",
        "UpdatedAt": "2026-03-01T03:00:00.000Z",
        "Resource": {"ResourceType": "Instance"},
        "AccountId": "1",
        "Arn": "a",
        "Region": REGION,
        "SchemaVersion": "2.0",
    }
    criteria = {
        "Criterion": {
            "updatedAt": {"GreaterThanOrEqual": int(AT.timestamp() * 1000)},
            "service.archived": {"Equals": ["false"]},
        }
    }
    with Stubber(client) as stub:
        stub.add_response("list_detectors", {"DetectorIds": ["d1"]}, {})
        wanted = {"DetectorId": "d1", "FindingCriteria": criteria, "MaxResults": 50}
        stub.add_response("list_findings", {"FindingIds": ["f1"]}, wanted)
        stub.add_response("get_findings", {"Findings": [row]}, {"DetectorId": "d1", "FindingIds": ["f1"]})
        [found] = guardduty_findings(client, AT)
        stub.assert_no_pending_responses()
    assert (found.severity, found.first_seen, found.resources) == ("HIGH", AT, ("Instance",))


def test_refused_and_hanging_are_temporary(closed_port, hanging_port):
    for port in (closed_port, hanging_port):
        started = time.monotonic()
        with pytest.raises(TemporaryError, match="s3://shop"):
            s3_head(aws_client("s3", f"http://127.0.0.1:{port}", 0.3), "shop", "x")
        assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (503, "SlowDown", TemporaryError),
        (400, "ThrottlingException", TemporaryError),
        (500, "InternalError", TemporaryError),
        (403, "AccessDenied", ConfigurationError),
        (403, "SignatureDoesNotMatch", ConfigurationError),
        (400, "ExpiredToken", ConfigurationError),
        (400, "InvalidParameterValue", ConfigurationError),
        (404, "DBInstanceNotFound", NotFoundError),
    ],
)
def test_errors_of_aws_are_told_apart(web, status, code, error):
    body = f"<ErrorResponse><Error><Code>{code}</Code><Message>so it is</Message></Error></ErrorResponse>"

    def answer(handler):
        handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body.encode())

    web.answers["/"] = answer
    with pytest.raises(error, match=code):
        list(rds_snapshots(aws_client("rds", web.url, 2), "shop"))


def test_garbage_is_a_bad_answer(web):
    web.says("/", "<html>Sign in</html")
    with pytest.raises(BadAnswer):
        list(rds_snapshots(aws_client("rds", web.url, 2), "shop"))


def test_no_credentials_is_a_configuration_error(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    client = boto3.session.Session().client("rds", REGION, endpoint_url="http://127.0.0.1:1")
    with pytest.raises(ConfigurationError, match="credentials"):
        list(rds_snapshots(client, "shop"))
