"""GuardDuty and Security Hub: what AWS itself finds wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from upkeep.clients.answers import aware, moment
from upkeep.clients.aws.errors import aws_errors, page_items

GUARDDUTY_BATCH = 50
"""Findings that GuardDuty describes at once, at most."""


@dataclass(frozen=True)
class SecurityFinding:
    """A finding of AWS. severity: CRITICAL, HIGH, MEDIUM, LOW or INFORMATIONAL. source: the service."""

    id: str
    source: str
    type: str
    title: str
    severity: str
    first_seen: datetime
    last_seen: datetime
    resources: tuple[str, ...]


def guardduty_findings(client: Any, since: datetime) -> Iterator[SecurityFinding]:
    """Yield the findings of all detectors that were updated since then and are not archived.

    client: boto3's `guardduty`. Raises TemporaryError, ConfigurationError, BadAnswer.
    """
    changed = {"GreaterThanOrEqual": round(aware(since, "since").timestamp() * 1000)}
    wanted = {"updatedAt": changed, "service.archived": {"Equals": ["false"]}}
    with aws_errors("GuardDuty findings"):
        for detectors in client.get_paginator("list_detectors").paginate():
            for detector in detectors["DetectorIds"]:
                pages = client.get_paginator("list_findings").paginate(
                    DetectorId=detector,
                    FindingCriteria={"Criterion": wanted},
                    PaginationConfig={"PageSize": GUARDDUTY_BATCH},
                )
                for page in pages:
                    yield from _guardduty_described(client, detector, page["FindingIds"])


def _guardduty_described(client: Any, detector: str, ids: list[str]) -> Iterator[SecurityFinding]:
    for row in client.get_findings(DetectorId=detector, FindingIds=ids)["Findings"] if ids else ():
        yield SecurityFinding(
            id=row["Id"],
            source="GuardDuty",
            type=row["Type"],
            title=str(row.get("Title", "")),
            severity=_guardduty_severity(float(row["Severity"])),
            first_seen=moment(row["CreatedAt"], "CreatedAt"),
            last_seen=moment(row["UpdatedAt"], "UpdatedAt"),
            resources=(str(row.get("Resource", {}).get("ResourceType", "")),),
        )


def _guardduty_severity(number: float) -> str:
    """Return the name of GuardDuty's number (its documentation: low from 1, medium 4, high 7, critical 9)."""
    levels = ((9.0, "CRITICAL"), (7.0, "HIGH"), (4.0, "MEDIUM"), (1.0, "LOW"))
    return next((name for least, name in levels if number >= least), "INFORMATIONAL")


def securityhub_findings(client: Any, since: datetime) -> Iterator[SecurityFinding]:
    """Yield the active findings of Security Hub that were updated since then, page by page.

    client: boto3's `securityhub`. Raises TemporaryError, ConfigurationError, BadAnswer.
    """
    period = {"Start": aware(since, "since").astimezone(UTC).isoformat(), "End": "9999-12-31T00:00:00+00:00"}
    wanted = {"UpdatedAt": [period], "RecordState": [{"Value": "ACTIVE", "Comparison": "EQUALS"}]}
    where = "Security Hub findings"
    with aws_errors(where):
        for row in page_items(client, "get_findings", {"Filters": wanted}, "Findings", where):
            yield SecurityFinding(
                id=row["Id"],
                source=str(row.get("ProductName") or "Security Hub"),
                type=", ".join(row.get("Types", ())),
                title=str(row.get("Title", "")),
                severity=str(row.get("Severity", {}).get("Label", "INFORMATIONAL")),
                first_seen=moment(row.get("FirstObservedAt") or row["CreatedAt"], "CreatedAt"),
                last_seen=moment(row.get("LastObservedAt") or row["UpdatedAt"], "UpdatedAt"),
                resources=tuple(str(one.get("Id", "")) for one in row.get("Resources", ())),
            )
