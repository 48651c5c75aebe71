"""Certificates: how long they are good, and whether they are trusted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from pydantic import Field, model_validator

from upkeep.catalog.models.operations import TlsEndpoint
from upkeep.checks.certificates import Expiry, Limits, certificate_limits, expiry_finding
from upkeep.checks.choice import choose
from upkeep.checks.cluster_certificates import cluster_certificates_check
from upkeep.checks.context import Check, CheckContext
from upkeep.checks.registry import Parameters, Reads, register
from upkeep.checks.series import check_name
from upkeep.errors import ConfigurationError
from upkeep.findings import Finding


class CertificatesParameters(Parameters):
    """Which certificates, and how early to say so."""

    endpoints: tuple[str, ...] = ()
    """Names of the system's TLS end points; by default all."""
    kubernetes: bool = False
    """Also the namespace's cert-manager Certificates."""
    warn_days: float = Field(default=30, gt=0)
    """Days left below which it is a warning: time to renew at leisure."""
    critical_days: float = Field(default=7, gt=0)
    """Days left below which it is critical."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.critical_days > self.warn_days:
            raise ValueError("critical_days must not be above warn_days")
        return self


@register("certificates", reads=Reads.PRESENT, parameters=CertificatesParameters)
def certificates(context: CheckContext, parameters: CertificatesParameters) -> Iterable[Check]:
    """Certificates of TLS end points, and of cert-manager: days left, chain, name, renewal."""
    found = []
    if context.system.tls or parameters.endpoints or not parameters.kubernetes:
        chosen = choose(context.system.tls, parameters.endpoints, "TLS end point")
        looks = [_Look(context, name, endpoint, parameters) for name, endpoint in chosen.items()]
        found = [Check(name=one.check, source=one.source, present=True, ask=one.ask) for one in looks]
    if parameters.kubernetes:
        found.append(cluster_certificates_check(context, _limits(parameters)))
    return found


def _limits(parameters: CertificatesParameters) -> Limits:
    return certificate_limits(parameters.warn_days, parameters.critical_days)


@dataclass(frozen=True)
class _Look:
    """One TLS end point."""

    context: CheckContext
    name: str
    endpoint: TlsEndpoint
    parameters: CertificatesParameters

    @property
    def check(self) -> str:
        return check_name("certificate", {"endpoint": self.name})

    @property
    def source(self) -> str:
        return f"tls: {self.endpoint.host}:{self.endpoint.port}"

    def ask(self) -> Finding:
        """Read the certificate that the end point shows and judge it."""
        from upkeep.clients.tls import fetch_certificate

        extra = self._extra()
        host, port = self._address(extra)
        seen = fetch_certificate(host, port, self.endpoint.host, extra.get("ca_file"))
        evidence = {
            "subject": seen.subject,
            "issuer": seen.issuer,
            "names": list(seen.names[:20]),
            "not_before": seen.not_before.isoformat(),
            "fingerprint": seen.fingerprint,
        }
        expiry = Expiry(
            labels={"endpoint": self.name},
            title=f"Certificate of {self.endpoint.host}:{self.endpoint.port}",
            source=self.source,
            not_after=seen.not_after,
            evidence=evidence,
            problem=None if seen.chain_valid else f"clients refuse it: {seen.problem}",
        )
        return expiry_finding(expiry, self.context.as_of, _limits(self.parameters))

    def _extra(self) -> dict[str, Any]:
        if "http" not in self.context.system.connections:
            return {}
        return self.context.clients.http_extra()

    def _address(self, extra: dict[str, Any]) -> tuple[str, int]:
        """Return where to connect: `tls_endpoints` of the connection's extra, else the name itself."""
        through = extra.get("tls_endpoints", {}).get(self.endpoint.connect_through)
        if through is None:
            return self.endpoint.host, self.endpoint.port
        host, _, port = str(through).rpartition(":")
        if not host or not port.isdecimal():
            raise ConfigurationError(
                f"tls_endpoints of the http connection gives {through!r} for "
                f"{self.endpoint.connect_through}: write host:port"
            )
        return host, int(port)
