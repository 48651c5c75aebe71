"""Runs the checks of a task concurrently; whatever a check cannot answer is unknown, with the reason."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime

from upkeep.checks.context import Check
from upkeep.errors import TemporaryError, UpkeepError, excerpt
from upkeep.findings import Finding, State

log = logging.getLogger(__name__)

CONCURRENT_CHECKS = 8
"""Enough to overlap waiting, few enough that a small system does not feel it."""


def run_checks(checks: Iterable[Check], as_of: datetime, timeout_seconds: float) -> list[Finding]:
    """Ask every check and return all findings in the order of the checks.

    A check that has not answered `timeout_seconds` after the start is unknown; the others stand.
    """
    listed = list(checks)
    pool = ThreadPoolExecutor(max_workers=CONCURRENT_CHECKS, thread_name_prefix="check")
    asked = {pool.submit(check.ask): check for check in listed}
    try:
        _wait(list(asked), timeout_seconds)
        found = {id(check): _answer(check, future, as_of, timeout_seconds) for future, check in asked.items()}
    finally:
        # A hanging client keeps its thread; the task must not wait for it.
        pool.shutdown(wait=False, cancel_futures=True)
    return _named_once([finding for check in listed for finding in found[id(check)]])


def _wait(futures: Sequence[Future[Finding | Sequence[Finding]]], timeout_seconds: float) -> None:
    end = time.monotonic() + timeout_seconds
    waiting = set(futures)
    while waiting and (left := end - time.monotonic()) > 0:
        _, waiting = wait(waiting, timeout=left, return_when=FIRST_COMPLETED)


def _answer(
    check: Check, future: Future[Finding | Sequence[Finding]], as_of: datetime, timeout_seconds: float
) -> Sequence[Finding]:
    if not future.done():
        reason = f"no answer within {timeout_seconds:g} s"
        return [_unknown(check, as_of, reason, temporary=True)]
    try:
        answer = future.result()
    except UpkeepError as e:
        return [_unknown(check, as_of, str(e), temporary=isinstance(e, TemporaryError))]
    except Exception as e:
        # A fault of ours must not hide what the other checks saw; it is logged whole and shown as unknown.
        log.exception("check %s failed unexpectedly", check.name)
        return [_unknown(check, as_of, f"unexpected {type(e).__name__}: {excerpt(str(e))}", temporary=False)]
    findings = [answer] if isinstance(answer, Finding) else answer
    if check.present:
        # Whatever moment the run speaks of, this was seen now.
        now = datetime.now(UTC)
        findings = [replace(finding, observed_at=now) for finding in findings]
    return findings or [_unknown(check, as_of, "the check found nothing to look at", temporary=False)]


def _unknown(check: Check, as_of: datetime, reason: str, *, temporary: bool) -> Finding:
    return Finding(
        check=check.name,
        state=State.UNKNOWN,
        summary=f"{check.name}: no answer",
        source=check.source,
        observed_at=as_of,
        reason=reason,
        temporary=temporary,
    )


def _named_once(findings: list[Finding]) -> list[Finding]:
    """Refuse two findings of one name: the ledger would keep one and lose the other."""
    names = [finding.check for finding in findings]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two findings of one name in a task: {', '.join(twice)}")
    return findings
