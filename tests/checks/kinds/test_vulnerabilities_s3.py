"""Trivy's reports in a bucket, by moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from servers.aws import Aws, aws
from servers.situation import ask, checks_of, make_context, make_system, states
from upkeep.findings import Finding, State

pytestmark = pytest.mark.integration
AS_OF = datetime(2025, 6, 10, 7, tzinfo=UTC)
BUCKET = "shop-scans"
IMAGE = "registry.example/shop/api:1.0"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Aws]:
    with aws() as running:
        yield running


@pytest.fixture
def bucket(cloud: Aws) -> Aws:
    cloud.bucket(BUCKET)
    return cloud


def report(cloud: Aws, hours: float, *flaws: tuple[str, str], image: str = IMAGE) -> None:
    at = AS_OF - timedelta(hours=hours)
    found = [
        {"VulnerabilityID": name, "PkgName": "openssl", "InstalledVersion": "1", "Severity": severity}
        for name, severity in flaws
    ]
    body = {
        "SchemaVersion": 2,
        "CreatedAt": at.isoformat(),
        "ArtifactName": image,
        "Metadata": {"RepoDigests": [f"registry.example/shop/api@sha256:{'a' * 64}"]},
        "Results": [{"Target": "os", "Vulnerabilities": found}],
    }
    name = image.rsplit("/", 1)[-1].replace(":", "-")
    cloud.put(BUCKET, f"trivy/{name}-{at:%Y%m%dT%H%M%SZ}.json", json.dumps(body).encode())


def look(cloud: Aws, **parameters: Any) -> dict[str, Finding]:
    context = make_context(make_system(), as_of=AS_OF, aws=cloud)
    return ask("vulnerabilities", context, source="s3", bucket=BUCKET, prefix="trivy/", **parameters)


def test_the_newest_report_and_what_is_new_in_it(bucket: Aws) -> None:
    report(bucket, 25, ("CVE-1", "HIGH"))
    report(bucket, 1, ("CVE-1", "HIGH"), ("CVE-2", "HIGH"), ("CVE-3", "CRITICAL"))
    found = look(bucket)
    assert found["vulnerabilities{severity=critical}"].state is State.CRITICAL
    high = found["vulnerabilities{severity=high}"]
    assert (high.state, high.value) == (State.OK, 2)
    assert "1 new since the scan before" in high.summary
    assert [row["id"] for row in high.evidence["top"]] == ["CVE-2", "CVE-1"]
    assert found["scan{image=registry.example/shop/api}"].value == 3600


def test_each_image_has_its_newest_report(bucket: Aws) -> None:
    report(bucket, 1, ("CVE-1", "HIGH"))
    report(bucket, 2, ("CVE-9", "HIGH"), image="registry.example/shop/web:2.0")
    found = look(bucket)
    assert found["vulnerabilities{severity=high}"].value == 2
    assert "scan{image=registry.example/shop/web}" in found


def test_a_stale_or_missing_report_is_unknown(bucket: Aws) -> None:
    assert set(states(look(bucket)).values()) == {State.UNKNOWN}
    report(bucket, 27)
    assert set(states(look(bucket)).values()) == {State.UNKNOWN}
    assert look(bucket, oldest_hours=30)["vulnerabilities{severity=critical}"].state is State.OK


def test_what_is_no_report_is_unknown(bucket: Aws) -> None:
    bucket.put(BUCKET, "trivy/broken.json", b'{"hello": 1}')
    found = look(bucket)
    assert states(found) == {"vulnerabilities": State.UNKNOWN}
    assert "broken.json" in (found["vulnerabilities"].reason or "")


def test_a_bucket_belongs_to_s3_only(bucket: Aws) -> None:
    context = make_context(make_system(), aws=bucket)
    for wrong in ({"source": "s3"}, {"source": "kubernetes", "bucket": BUCKET}):
        with pytest.raises(ValidationError, match="bucket"):
            checks_of("vulnerabilities", context, **wrong)
