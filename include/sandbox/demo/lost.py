"""What a sandbox takes with it when it ends: its AWS keeps nothing."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Engine

from sandbox.estate import Estate, PartState
from upkeep.catalog.compiled import Catalog
from upkeep.catalog.models.backups import RdsSnapshots, S3Objects
from upkeep.ledger.backups import known_backups, record_deleted

WHY = "the sandbox that held it has ended"


def forget_what_ended(engine: Engine, estate: Estate) -> None:
    """Note that the backups of earlier sandboxes are gone.

    The ledger outlives the sandbox: its next backup would find all of them missing, and page.
    """
    aws = estate.parts.get("aws")
    if aws is None or aws.state is not PartState.UP or aws.started is None:
        return
    began, now, catalog = datetime.fromtimestamp(aws.started, UTC), datetime.now(UTC), Catalog()
    for system_id in catalog.system_ids():
        for name, policy in catalog.system(system_id).backups.items():
            if not isinstance(policy.location, RdsSnapshots | S3Objects):
                continue
            found = known_backups(engine, system_id, name)
            gone = {one.copy.name: WHY for one in found if one.copy.ended_at < began}
            record_deleted(engine, system_id, name, gone, now)
