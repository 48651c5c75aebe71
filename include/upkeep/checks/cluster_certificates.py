"""cert-manager's Certificates: days left, and whether they are being renewed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from upkeep.checks.certificates import Expiry, Limits, expiry_finding
from upkeep.checks.context import Check, CheckContext
from upkeep.checks.series import check_name, keep_worst
from upkeep.checks.workload import workload_of
from upkeep.clients.answers import child, children, moment_or_none, text
from upkeep.findings import Finding, State

_RENEWAL_PATIENCE = timedelta(hours=1)
"""A renewal that is due takes a challenge or two."""


def cluster_certificates_check(context: CheckContext, limits: Limits) -> Check:
    """Return the check of the Certificates in the system's namespace."""
    namespace = workload_of(context).namespace
    source = f"kubernetes: certificates.cert-manager.io of {namespace}"

    def ask() -> list[Finding]:
        items = context.clients.kubernetes().custom_objects(
            "cert-manager.io", "v1", "certificates", namespace
        )
        found = [_finding(context, source, item, limits) for item in items]
        return keep_worst(found, "certificate") or [_none(context, source, namespace)]

    return Check(name="certificates", source=source, present=True, ask=ask)


def _finding(context: CheckContext, source: str, item: Mapping[str, Any], limits: Limits) -> Finding:
    name = text(child(item, "metadata"), "name")
    spec, status = child(item, "spec"), child(item, "status")
    ready = next((c for c in children(status, "conditions") if text(c, "type") == "Ready"), {})
    until = moment_or_none(status.get("notAfter"), "notAfter")
    said = text(ready, "message") or text(ready, "reason") or "its controller says nothing"
    if until is None:
        return Finding(
            check=check_name("certificate", {"certificate": name}),
            state=State.UNKNOWN,
            summary=f"Certificate {name}: not issued",
            source=source,
            observed_at=context.as_of,
            reason=f"it has not been issued: {said}",
        )
    renewal = moment_or_none(status.get("renewalTime"), "renewalTime")
    expiry = Expiry(
        labels={"certificate": name},
        title=f"Certificate {name}",
        source=source,
        not_after=until,
        evidence={
            "secret": text(spec, "secretName"),
            "names": list(spec.get("dnsNames") or [])[:20],
            "renews_at": renewal.isoformat() if renewal else None,
        },
        problem=_problem(ready, renewal, context.as_of, said),
        problem_state=State.WARNING,
    )
    return expiry_finding(expiry, context.as_of, limits)


def _problem(ready: Mapping[str, Any], renewal: datetime | None, at: datetime, said: str) -> str | None:
    if text(ready, "status") != "True":
        return f"not ready: {said}"
    if renewal is not None and renewal + _RENEWAL_PATIENCE < at:
        return f"it should have been renewed at {renewal.isoformat()}"
    return None


def _none(context: CheckContext, source: str, namespace: str) -> Finding:
    return Finding(
        check="certificates",
        state=State.UNKNOWN,
        summary="No Certificate to look at",
        source=source,
        observed_at=context.as_of,
        reason=f"there is no Certificate in the namespace {namespace}",
    )
