"""ACM: certificates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from upkeep.clients.aws.errors import aws_errors, page_items


@dataclass(frozen=True)
class Certificate:
    """A certificate. not_after: None until it is issued. renewal: AWS's renewal status.

    in_use: something of AWS serves it.
    """

    arn: str
    domain: str
    names: tuple[str, ...]
    status: str
    not_after: datetime | None
    in_use: bool
    renewable: bool
    renewal: str | None


def acm_certificates(client: Any) -> Iterator[Certificate]:
    """Yield every certificate of the account and region, page by page.

    client: boto3's `acm`. Raises TemporaryError, ConfigurationError, BadAnswer.
    """
    where = "ACM certificates"
    with aws_errors(where):
        for row in page_items(client, "list_certificates", {}, "CertificateSummaryList", where):
            found = client.describe_certificate(CertificateArn=row["CertificateArn"])["Certificate"]
            not_after = found.get("NotAfter")
            yield Certificate(
                arn=found["CertificateArn"],
                domain=str(found.get("DomainName", "")),
                names=tuple(found.get("SubjectAlternativeNames", ())),
                status=str(found.get("Status", "")),
                not_after=not_after.astimezone(UTC) if isinstance(not_after, datetime) else None,
                in_use=bool(found.get("InUseBy")),
                renewable=found.get("RenewalEligibility") == "ELIGIBLE",
                renewal=found.get("RenewalSummary", {}).get("RenewalStatus"),
            )
