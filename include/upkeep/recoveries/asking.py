"""What a policy's proof asks of a database that was restored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from upkeep.backups.dumps.invariants import Assertion, Newest, invariants
from upkeep.backups.dumps.server import DatabaseServer
from upkeep.backups.model import Proof
from upkeep.catalog.models.backups import BackupPolicy

_DAY_MINUTES = 24 * 60


def asked(  # noqa: PLR0913 - what is asked, of whom, and what is known of it
    server: DatabaseServer,
    policy: BackupPolicy,
    as_of: datetime,
    *,
    lost: timedelta | None = None,
    expected_rows: Mapping[str, int] | None = None,
    foreign_keys: bool = True,
) -> Proof:
    """Return the proof of the policy's assertions, and of how old the newest record was at `as_of`.

    lost: how old it may be, by default the policy's RPO, or a day. The rest, and what is raised, is that of
    `invariants`.
    """
    wanted, newest = policy.proof, None
    if wanted.newest is not None:
        allowed = lost or timedelta(minutes=policy.rpo_minutes or _DAY_MINUTES)
        newest = Newest(wanted.newest, as_of, allowed)
    questions = [Assertion(one.title, one.sql, one.expect) for one in wanted.assertions]
    return invariants(
        server, assertions=questions, expected_rows=expected_rows, newest=newest, foreign_keys=foreign_keys
    )
