"""All faults. Those of one name in several parts are one fault: what is down is down everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from sandbox.errors import SandboxError
from sandbox.estate import Estate
from sandbox.faults.model import Fault


def all_faults() -> dict[str, Fault]:
    """Return every fault by name."""
    found: dict[str, Fault] = {}
    for fault in _every():
        found[fault.name] = _joined(found[fault.name], fault) if fault.name in found else fault
    return found


def break_(name: str, estate: Estate) -> Fault:
    """Break one thing; breaking it again changes nothing.

    Raises:
        SandboxError: there is no such fault, or what it needs does not run.

    """
    fault = _fault(name)
    _check(fault, estate)
    fault.break_(estate)
    return fault


def heal(name: str, estate: Estate) -> Fault:
    """Undo a fault; healing what is well changes nothing. Raises SandboxError as `break_` does."""
    fault = _fault(name)
    _check(fault, estate)
    fault.heal(estate)
    return fault


def _fault(name: str) -> Fault:
    every = all_faults()
    if name not in every:
        close = get_close_matches(name, every, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "`upkeep sandbox fault` lists them"
        raise SandboxError(f"there is no fault {name!r}: {hint}")
    return every[name]


def _check(fault: Fault, estate: Estate) -> None:
    """Raise unless everything that the fault acts on is up, so that it never breaks half of it."""
    for part in fault.needs:
        estate.part(part)


def _every() -> Iterable[Fault]:
    from sandbox.faults import backups, databases, kafka, services, workloads
    from sandbox.prometheus import faults as metrics

    for source in (backups, databases, kafka, services, workloads, metrics):
        yield from source.FAULTS.values()


def _joined(first: Fault, second: Fault) -> Fault:
    def break_both(estate: Estate) -> None:
        first.break_(estate)
        second.break_(estate)

    def heal_both(estate: Estate) -> None:
        first.heal(estate)
        second.heal(estate)

    return Fault(
        name=first.name,
        system=first.system,
        breaks=f"{first.breaks}; {second.breaks}",
        finding="; ".join(dict.fromkeys((second.finding, first.finding))),
        needs=tuple(dict.fromkeys((*first.needs, *second.needs))),
        break_=break_both,
        heal=heal_both,
    )
