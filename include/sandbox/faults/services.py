"""Services that are down or slow, as their health end points show it, and certificates that run out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from sandbox import certificates
from sandbox.estate import Estate
from sandbox.faults.asking import ask
from sandbox.faults.model import Action, Fault
from sandbox.servers.health import EVERY_PATH, QUIKAPP_HEALTH

HEALTH, TLS = "health", "tls"
EXPIRING_DAYS, EXPIRED_DAYS = 5, -2

DOWN = {
    "quikapp": "a check of the kind health: endpoint{name=api} and endpoint{name=websocket_metrics} and "
    "endpoint{name=phoenix_dashboard} become critical",
    "maintenance-api": "a check of the kind health: endpoint{name=ready} and endpoint{name=live} "
    "become critical",
    "zetra": "daily_checks/health_dashboards: endpoint{name=api} and endpoint{name=database} become critical",
    "lessay": "a check of the kind health: endpoint{name=api} becomes critical",
    "tapio": "daily_automation/health_check: endpoint{name=server} becomes critical",
}
NAMES = {
    "quikapp": ("auth.quikapp.com", "a check of the kind certificates: certificate{endpoint=auth}"),
    "maintenance-api": (
        "maintenance-api.company.com",
        "a check of the kind certificates: certificate{endpoint=api}",
    ),
    "zetra": ("zetra.app", "daily_checks/certificates: certificate{endpoint=app}"),
    "lessay": ("api.lessay", "a check of the kind certificates: certificate{endpoint=api}"),
    "tapio": ("tapio.example.com", "a check of the kind certificates: certificate{endpoint=server}"),
}


def answer(endpoint: str, **change: Any) -> Action:
    """Return the action that makes an end point answer otherwise."""

    def act(estate: Estate) -> None:
        ask(estate, HEALTH, "PUT", f"/endpoints/{endpoint}", change)

    return act


def answer_well(endpoint: str, path: str = EVERY_PATH) -> Action:
    """Return the action that undoes the change of a path, or the one that concerns all of them."""

    def act(estate: Estate) -> None:
        ask(estate, HEALTH, "DELETE", f"/endpoints/{endpoint}?{urlencode({'path': path})}")

    return act


def exhausted_pool() -> dict[str, Any]:
    """Return what quikapp's health end point says when every connection of its pool is taken."""
    pool = {"active": 40, "idle": 0, "pending": 17, "max": 40}
    database = {"status": "UP", "details": {"database": "MySQL", "pool": pool}}
    return {**QUIKAPP_HEALTH, "components": {**QUIKAPP_HEALTH["components"], "db": database}}


def _certificate(name: str, days: float) -> Action:
    def act(estate: Estate) -> None:
        estate.part(TLS)
        certificates.issue(estate.folder, name, timedelta(days=days))

    return act


def _down(system: str, finding: str) -> Fault:
    return Fault(
        name=f"{system}-down",
        system=system,
        breaks="its health end point answers 503",
        finding=finding,
        needs=(HEALTH,),
        break_=answer(system, status=503, body={"status": "down"}),
        heal=answer_well(system),
    )


def _certificate_fault(system: str, kind: str, days: int) -> Fault:
    name, finding = NAMES[system]
    when = f"expires in {days} days" if days > 0 else f"expired {-days} days ago"
    return Fault(
        name=f"{system}-{kind}-certificate",
        system=system,
        breaks=f"the certificate of {name} {when}",
        finding=f"{finding} becomes critical",
        needs=(TLS,),
        break_=_certificate(name, days),
        heal=_certificate(name, certificates.DAYS_VALID[name]),
    )


def _all() -> list[Fault]:
    slow = Fault(
        name="zetra-slow-health",
        system="zetra",
        breaks="its health end point takes 3 s to answer",
        finding="daily_checks/health_dashboards: endpoint{name=api} becomes warning",
        needs=(HEALTH,),
        break_=answer("zetra", path="/api/health", delay_seconds=3),
        heal=answer_well("zetra", "/api/health"),
    )
    kinds = (("expiring", EXPIRING_DAYS), ("expired", EXPIRED_DAYS))
    return [
        *(_down(system, finding) for system, finding in DOWN.items()),
        *(_certificate_fault(system, kind, days) for system in NAMES for kind, days in kinds),
        slow,
    ]


FAULTS: dict[str, Fault] = {fault.name: fault for fault in _all()}
