"""Vulnerability reports that Trivy has written: its JSON, and the VulnerabilityReport of trivy-operator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from upkeep.clients.answers import (
    NotFoundError,
    aware,
    child,
    children,
    mapping,
    moment_or_none,
    parse_json,
    safe_excerpt,
    text,
    whole,
)
from upkeep.errors import BadAnswer, ConfigurationError

MAX_REPORT_BYTES = 64 * 1024 * 1024
"""A report of a large image with all its packages has about 10 MB."""


class Severity(StrEnum):
    """Trivy's severities, worst first."""

    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class Vulnerability:
    """One vulnerability in one package. fixed_version: None if there is no fix yet."""

    id: str
    package: str
    installed_version: str
    fixed_version: str | None
    severity: Severity
    title: str


@dataclass(frozen=True)
class ScanReport:
    """What a scan found.

    digest: of the image that was scanned, `sha256:…`, None if the report names none.
    scanned_at: None if the report does not say. counts: every severity, 0 included.
    """

    artifact: str
    digest: str | None
    scanned_at: datetime | None
    counts: Mapping[Severity, int]
    vulnerabilities: tuple[Vulnerability, ...]

    def age(self, at: datetime) -> timedelta | None:
        """Return how old the report is at `at`, None if it does not say when it was made."""
        return None if self.scanned_at is None else aware(at, "at") - self.scanned_at


def read_file(path: str | Path) -> ScanReport:
    """Read a report from a file.

    Raises NotFoundError (no such file), ConfigurationError (not readable) and BadAnswer (no report).
    """
    try:
        with Path(path).open("rb") as file:
            body = file.read(MAX_REPORT_BYTES + 1)
    except FileNotFoundError as e:
        raise NotFoundError(f"there is no vulnerability report {path}") from e
    except OSError as e:
        raise ConfigurationError(f"cannot read the vulnerability report {path}: {e.strerror}") from e
    if len(body) > MAX_REPORT_BYTES:
        raise BadAnswer(f"{path} is longer than {MAX_REPORT_BYTES} bytes")
    return read_report(parse_json(body, str(path)), str(path))


def read_report(report: Any, where: str = "vulnerability report") -> ScanReport:
    """Read a report of either kind, already parsed; raise BadAnswer, with an excerpt, if it is none."""
    found = mapping(report, where)
    if found.get("kind") == "VulnerabilityReport":
        return _custom_resource(found)
    if isinstance(found.get("SchemaVersion"), int) and "ArtifactName" in found:
        return _plain_report(found)
    raise BadAnswer(f"{where}: not a report of Trivy: {safe_excerpt(repr(found))}")


def _plain_report(found: Mapping[str, Any]) -> ScanReport:
    results = children(found, "Results")
    vulnerabilities = tuple(
        Vulnerability(
            id=text(row, "VulnerabilityID"),
            package=text(row, "PkgName"),
            installed_version=text(row, "InstalledVersion"),
            fixed_version=text(row, "FixedVersion") or None,
            severity=_severity(row.get("Severity")),
            title=text(row, "Title"),
        )
        for result in results
        for row in children(result, "Vulnerabilities")
    )
    metadata = child(found, "Metadata")
    repository_digests = metadata.get("RepoDigests") or []
    digests = [str(one).rpartition("@")[2] for one in repository_digests if "@" in str(one)]
    seen = Counter(one.severity for one in vulnerabilities)
    return ScanReport(
        artifact=text(found, "ArtifactName"),
        digest=next(iter(digests), None),
        scanned_at=moment_or_none(found.get("CreatedAt"), "CreatedAt"),
        counts={severity: seen[severity] for severity in Severity},
        vulnerabilities=vulnerabilities,
    )


def _custom_resource(found: Mapping[str, Any]) -> ScanReport:
    report = child(found, "report")
    artifact, summary = child(report, "artifact"), child(report, "summary")
    if not artifact or not summary:
        raise BadAnswer(f"a VulnerabilityReport without artifact or summary: {safe_excerpt(repr(found))}")
    server = text(child(report, "registry"), "server")
    name = "/".join(part for part in (server, text(artifact, "repository")) if part)
    tag = text(artifact, "tag")
    created = child(found, "metadata").get("creationTimestamp")
    return ScanReport(
        artifact=f"{name}:{tag}" if tag else name,
        digest=text(artifact, "digest") or None,
        scanned_at=moment_or_none(report.get("updateTimestamp") or created, "updateTimestamp"),
        counts={severity: whole(summary, f"{severity.lower()}Count") for severity in Severity},
        vulnerabilities=tuple(
            Vulnerability(
                id=text(row, "vulnerabilityID"),
                package=text(row, "resource"),
                installed_version=text(row, "installedVersion"),
                fixed_version=text(row, "fixedVersion") or None,
                severity=_severity(row.get("severity")),
                title=text(row, "title"),
            )
            for row in children(report, "vulnerabilities")
        ),
    )


def _severity(value: Any) -> Severity:
    try:
        return Severity(value)
    except ValueError as e:
        raise BadAnswer(f"not a severity of Trivy: {safe_excerpt(repr(value))}") from e
