"""What the newest scans of the images that run have found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from upkeep.checks.context import Check, CheckContext
from upkeep.checks.registry import Parameters, Reads, register
from upkeep.checks.scan_archive import read_archive
from upkeep.checks.series import check_name
from upkeep.checks.vulnerability_review import Review, severity_limits
from upkeep.checks.workload import workload_of
from upkeep.clients.trivy import ScanReport, Severity, read_report
from upkeep.findings import Finding

_REVIEWS_SEEN = timedelta(days=8)


class VulnerabilitiesParameters(Parameters):
    """Where the scans are, how old they may be, and what they may find."""

    source: Literal["kubernetes", "s3"]
    """trivy-operator's VulnerabilityReports in the namespace, or Trivy's JSON in a bucket."""
    bucket: str | None = None
    """The bucket (s3)."""
    prefix: str = ""
    """What the reports' keys begin with (s3)."""
    oldest_hours: float = Field(default=26, gt=0)
    """An older scan is unknown, never clean."""
    critical_above: int = Field(default=0, ge=0)
    """More critical vulnerabilities than this are critical."""
    high_above: int | None = Field(default=None, ge=0)
    """More high ones than this are a warning."""

    @model_validator(mode="after")
    def _bucket_given(self) -> Self:
        if (self.source == "s3") != (self.bucket is not None):
            raise ValueError("give bucket with source s3, and only then")
        return self


@register("vulnerabilities", reads=Reads.PRESENT, parameters=VulnerabilitiesParameters)
def vulnerabilities(context: CheckContext, parameters: VulnerabilitiesParameters) -> Iterable[Check]:
    """Vulnerabilities by severity in what runs, new ones first; a missing or stale scan is unknown."""
    question = _Question(context, parameters)
    return [Check(name="vulnerabilities", source=question.source, present=True, ask=question.ask)]


@dataclass(frozen=True)
class _Question:
    """One look at the scans."""

    context: CheckContext
    parameters: VulnerabilitiesParameters

    @property
    def source(self) -> str:
        if self.parameters.source == "s3":
            return f"s3://{self.parameters.bucket}/{self.parameters.prefix}"
        workload = self.context.system.workload
        return f"kubernetes: vulnerabilityreports of {workload.namespace if workload else '?'}"

    def ask(self) -> Sequence[Finding]:
        """Read the scans and what runs, and compare."""
        if self.parameters.bucket is not None:
            client = self.context.clients.aws("s3")
            scans, known = read_archive(client, self.parameters.bucket, self.parameters.prefix)
        else:
            scans, known = self._from_cluster(), None
        review = Review(
            as_of=self.context.as_of,
            source=self.source,
            oldest=timedelta(hours=self.parameters.oldest_hours),
            scans=scans,
            running=self._running(),
            limits=severity_limits(self.parameters.critical_above, self.parameters.high_above),
            earlier=self._earlier(),
            known=known,
        )
        return review.findings()

    def _from_cluster(self) -> list[ScanReport]:
        items = self.context.clients.kubernetes().custom_objects(
            "aquasecurity.github.io", "v1alpha1", "vulnerabilityreports", workload_of(self.context).namespace
        )
        # The reports' items need not say what they are; the list does.
        return [read_report({"kind": "VulnerabilityReport", **item}) for item in items]

    def _running(self) -> dict[str, str] | None:
        """Return the images that run, by digest; None where the catalog names no cluster."""
        if self.context.system.workload is None:
            return None
        namespace = workload_of(self.context).namespace
        return {
            container.digest: container.image
            for pod in self.context.clients.kubernetes().pods(namespace)
            if pod.phase == "Running"
            for container in pod.containers
            if container.digest
        }

    def _earlier(self) -> dict[Severity, float]:
        """Return how many there were at the last review, as far as the ledger remembers."""
        until = self.context.as_of - timedelta(microseconds=1)
        found: dict[Severity, float] = {}
        for severity in Severity:
            check = check_name("vulnerabilities", {"severity": severity.lower()})
            past = self.context.history.measurements(check, self.context.as_of - _REVIEWS_SEEN, until)
            if past:
                found[severity] = past[-1].value
        return found
