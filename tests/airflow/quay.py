"""A fourth small system: its database is an instance of RDS, in the depot's cloud."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from moto.rds.models import RDSBackend
from tests.airflow.depot import Depot
from tests.airflow.dues import YEARLY
from tests.airflow.heading import heading
from tests.servers.aws import REGION

LIVE, DRILL = "quay-live", "quay-drill"

QUAY = f"""{heading("quay")}\
connections: {{aws: quay_aws}}
backups:
  database:
    title: The quay's database
    what: RDS
    method: rds_snapshot
    schedule: "{YEARLY}"
    location: {{kind: rds_snapshot, connection: quay_aws, instance: {LIVE}}}
    keep: {{daily_days: 1}}
    encryption: aws:kms
recovery_targets: {{rto_minutes: 60, rpo_minutes: 60}}
duties:
  - {{id: quay/backup/database, what: The database is backed up}}
  - {{id: quay/drill/database, what: Its restore is rehearsed}}
routines:
  - {{name: backup, title: Backup of the database, purpose: A snapshot., cadence: backup,
     schedule: "{YEARLY}", owner: sre, deadline_minutes: 60,
     procedures: [{{id: quay/backup/database, kind: backup, task: database,
                   parameters: {{policy: database}}}}]}}
  - {{name: drill, title: Rehearsal, purpose: A snapshot is rehearsed., cadence: drill,
     owner: sre, deadline_minutes: 60,
     procedures: [{{id: quay/drill/database, kind: drill_snapshot, task: database,
                   parameters: {{policy: database, target: {DRILL}}}}}]}}
"""


@dataclass
class Making:
    """What RDS is asked to make. reached: a snapshot is made, and nobody knows it. go: answer now."""

    reached: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Quay:
    """What the system stands on."""

    depot: Depot

    def connections(self) -> dict[str, str]:
        """Return Airflow's connections to it."""
        return {"quay_aws": self.depot.connections()["depot_aws"]}

    def fill(self) -> None:
        """Make its instance."""
        self.depot.cloud.instance(LIVE)

    def instances(self) -> list[str]:
        """Return the instances that there are."""
        found = self.depot.cloud["rds"].describe_db_instances()["DBInstances"]
        return sorted(one["DBInstanceIdentifier"] for one in found)

    def snapshots(self) -> list[str]:
        """Return the snapshots that somebody asked for, of whatever instance."""
        rows = self.depot.cloud["rds"].describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
        return sorted(one["DBSnapshotIdentifier"] for one in rows)

    def become(self, snapshot: str, status: str) -> None:
        """Let a snapshot be in a state."""
        get_backend("rds")[DEFAULT_ACCOUNT_ID][REGION].database_snapshots[snapshot].status = status

    @contextmanager
    def making(self, *, status: str = "available", late: bool = False) -> Iterator[Making]:
        """Make snapshots that are in a state, and answer, if late, only when the test says so."""
        making, create = Making(), RDSBackend.create_db_snapshot

        def made(backend: Any, **wanted: Any) -> Any:
            making.asked.append(wanted["db_snapshot_identifier"])
            found = create(backend, **wanted)
            found.status = status
            making.reached.set()
            if late:
                making.go.wait(60)
            return found

        with patch.object(RDSBackend, "create_db_snapshot", made):
            try:
                yield making
            finally:
                making.go.set()
