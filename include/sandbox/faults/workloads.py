"""Pods that crash as soon as they start."""

from __future__ import annotations

from sandbox.estate import Estate
from sandbox.faults.asking import ask
from sandbox.faults.model import Fault
from sandbox.parts.kubernetes import NAMESPACES

PART = "kubernetes"
LOG = ("ERROR config: required key DATABASE_URL is not set", "fatal: cannot start")
CRASHES = {
    "quikapp": (
        "app=websocket",
        "a check of the kind health: pods_crashing and deployment{name=websocket} become critical",
    ),
    "maintenance-api": (
        "app=maintenance-api",
        "a check of the kind health: pods_crashing and deployment{name=maintenance-api} become critical",
    ),
    "zetra": (
        "app=zetra-platform,slot=blue",
        "daily_checks/health_dashboards: pods_crashing and deployment{name=zetra-platform-blue} "
        "become critical",
    ),
    "tapio": (
        "app=capacity-planner",
        "daily_automation/health_check: pods_crashing and deployment{name=capacity-planner} become critical",
    ),
}
"""Which pods crash, by system, and which finding changes."""


def _crash(estate: Estate, system: str, selector: str) -> None:
    if not _rules(estate, system, selector):
        rule = {"namespace": NAMESPACES[system], "selector": selector, "restarts": 6, "log": list(LOG)}
        ask(estate, PART, "POST", "/sandbox/crashes", rule)


def _recover(estate: Estate, system: str, selector: str) -> None:
    for number in _rules(estate, system, selector):
        ask(estate, PART, "DELETE", f"/sandbox/crashes/{number}")


def _rules(estate: Estate, system: str, selector: str) -> list[str]:
    """Return the numbers of the rules in force for these pods."""
    rules = ask(estate, PART, "GET", "/sandbox/status")["crashes"]
    wanted = (NAMESPACES[system], selector)
    return [number for number, rule in rules.items() if (rule["namespace"], rule["selector"]) == wanted]


def _fault(system: str, selector: str, finding: str) -> Fault:
    return Fault(
        name=f"{system}-crash-loop",
        system=system,
        breaks=f"the pods {selector} of {NAMESPACES[system]} are in CrashLoopBackOff",
        finding=finding,
        needs=(PART,),
        break_=lambda estate: _crash(estate, system, selector),
        heal=lambda estate: _recover(estate, system, selector),
    )


FAULTS: dict[str, Fault] = {
    fault.name: fault
    for system, (selector, finding) in CRASHES.items()
    for fault in (_fault(system, selector, finding),)
}
