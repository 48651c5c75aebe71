"""Trivy's reports in a bucket: the newest of each image, and what the one before knew."""

from __future__ import annotations

import heapq
from datetime import datetime
from typing import Any

from upkeep.checks.backup_names import stamp
from upkeep.clients.trivy import MAX_REPORT_BYTES, ScanReport, read_report
from upkeep.errors import BadAnswer, ConfigurationError

_MOST_OBJECTS = 50_000
_MOST_READ = 40
"""Reports that are read: the last two of twenty images."""


def read_archive(
    client: Any, bucket: str, prefix: str
) -> tuple[list[ScanReport], frozenset[tuple[str, str]] | None]:
    """Return the newest report of each image, and the flaws of the reports before those, if there are any.

    client: boto3's `s3`. Raises what the list and the objects raise, BadAnswer for what is no report.
    """
    newest: dict[str, ScanReport] = {}
    before: dict[str, ScanReport] = {}
    for key in _newest_keys(client, bucket, prefix):
        report = _read(client, bucket, key)
        if report.artifact not in newest:
            newest[report.artifact] = report
        else:
            before.setdefault(report.artifact, report)
    known = frozenset((one.id, one.package) for report in before.values() for one in report.vulnerabilities)
    return list(newest.values()), known if before else None


def _newest_keys(client: Any, bucket: str, prefix: str) -> list[str]:
    """Return the keys of the newest reports, newest first: by the time in the name, else by their change."""
    from upkeep.clients.aws import s3_objects

    found: list[tuple[datetime, str]] = []
    for count, one in enumerate(s3_objects(client, bucket, prefix), start=1):
        if count > _MOST_OBJECTS:
            raise ConfigurationError(f"more than {_MOST_OBJECTS:,} objects in s3://{bucket}/{prefix}")
        if one.key.endswith(".json"):
            named = stamp(one.key, "UTC")
            heapq.heappush(found, (named.moment if named else one.modified_at, one.key))
            if len(found) > _MOST_READ:
                heapq.heappop(found)
    return [key for _, key in sorted(found, reverse=True)]


def _read(client: Any, bucket: str, key: str) -> ScanReport:
    from upkeep.clients.answers import parse_json
    from upkeep.clients.aws.errors import aws_errors

    where = f"s3://{bucket}/{key}"
    with aws_errors(where):
        body: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read(MAX_REPORT_BYTES + 1)
    if len(body) > MAX_REPORT_BYTES:
        raise BadAnswer(f"{where} is longer than {MAX_REPORT_BYTES} bytes")
    return read_report(parse_json(body, where), where)
