"""Trivy's reports: its own JSON and the operator's custom resource."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upkeep.clients.answers import NotFoundError
from upkeep.clients.trivy import Severity, read_file, read_report
from upkeep.errors import BadAnswer

DIGEST = "sha256:" + "ab" * 32
NO_COUNTS = dict.fromkeys(Severity, 0)


def vulnerability(severity, fixed=""):
    return {
        "VulnerabilityID": "CVE-2026-0001",
        "PkgName": "openssl",
        "InstalledVersion": "3.0.1",
        "FixedVersion": fixed,
        "Severity": severity,
        "Title": "bad",
    }


def plain(*severities, **more):
    return {
        "SchemaVersion": 2,
        "CreatedAt": "2026-03-01T02:00:00.123456789+01:00",
        "ArtifactName": "registry.example.com/shop:1.2",
        "Metadata": {"RepoDigests": [f"registry.example.com/shop@{DIGEST}"]},
        "Results": [
            {"Target": "os", "Vulnerabilities": [vulnerability(s) for s in severities]},
            {"Target": "app", "Vulnerabilities": None},
        ],
        **more,
    }


RESOURCE = {
    "apiVersion": "aquasecurity.github.io/v1alpha1",
    "kind": "VulnerabilityReport",
    "metadata": {"name": "shop", "creationTimestamp": "2026-02-01T00:00:00Z"},
    "report": {
        "updateTimestamp": "2026-03-01T00:00:00Z",
        "registry": {"server": "registry.example.com"},
        "artifact": {"repository": "shop", "tag": "1.2", "digest": DIGEST},
        "summary": {"criticalCount": 1, "highCount": 2, "mediumCount": 0, "lowCount": 3, "unknownCount": 0},
        "vulnerabilities": [
            {"vulnerabilityID": "CVE-1", "resource": "zlib", "fixedVersion": "2", "severity": "CRITICAL"}
        ],
    },
}


@given(st.lists(st.sampled_from(Severity)))
def test_every_vulnerability_is_counted_once(severities):
    report = read_report(plain(*severities))
    assert sum(report.counts.values()) == len(report.vulnerabilities) == len(severities)
    assert set(report.counts) == set(Severity)
    assert all(report.counts[s] == severities.count(s) for s in Severity)


def test_a_report_in_a_file(tmp_path):
    path = tmp_path / "report.json"
    path.write_text(json.dumps(plain("HIGH")))
    report = read_file(path)
    assert (report.artifact, report.digest) == ("registry.example.com/shop:1.2", DIGEST)
    assert report.age(datetime(2026, 3, 2, 1, tzinfo=UTC)) == timedelta(days=1, microseconds=-123456)
    assert report.vulnerabilities[0].fixed_version is None


def test_a_clean_image_has_no_results():
    report = plain()
    del report["Results"]
    assert read_report(report).counts == NO_COUNTS


def test_a_report_without_its_time_has_no_age():
    report = plain()
    del report["CreatedAt"]
    assert read_report(report).age(datetime.now(UTC)) is None


def test_the_custom_resource():
    report = read_report(RESOURCE)
    assert report.counts == {**NO_COUNTS, Severity.CRITICAL: 1, Severity.HIGH: 2, Severity.LOW: 3}
    assert (report.artifact, report.digest) == ("registry.example.com/shop:1.2", DIGEST)
    assert report.scanned_at == datetime(2026, 3, 1, tzinfo=UTC)
    assert report.vulnerabilities[0].fixed_version == "2"


@pytest.mark.parametrize(
    "garbage",
    [
        None,
        [],
        {},
        {"SchemaVersion": 2},
        {"kind": "VulnerabilityReport"},
        plain(Results="none"),
        plain(Results=[{"Vulnerabilities": [{"Severity": "AWFUL"}]}]),
        plain(CreatedAt="yesterday"),
        {**RESOURCE, "report": {**RESOURCE["report"], "summary": {"criticalCount": "many"}}},
    ],
)
def test_garbage_is_a_bad_answer(garbage):
    with pytest.raises(BadAnswer):
        read_report(garbage)


def test_files_that_are_no_report(tmp_path):
    path = tmp_path / "report.json"
    with pytest.raises(NotFoundError, match=r"report\.json"):
        read_file(path)
    path.write_text("FATAL no such image")
    with pytest.raises(BadAnswer, match="FATAL"):
        read_file(path)
