"""A third small system: a job beside its database makes its dumps. The database is the depot's."""

from __future__ import annotations

import base64
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.airflow.depot import BACKUPS, DATABASE, Depot
from tests.airflow.dues import YEARLY
from tests.airflow.heading import heading
from tests.backups.jobs.world import connection
from tests.servers.cluster import Cluster

NAMESPACE, SECRET, IMAGE = "yard", "yard-connections", "registry.example/upkeep:1"

YARD = f"""{heading("yard")}\
connections: {{aws: yard_aws, postgres: yard_postgres, kubernetes: yard_kubernetes}}
workload: {{namespace: {NAMESPACE}}}
resources:
  databases:
    main: {{engine: postgres, name: {DATABASE}}}
backups:
  database:
    title: The yard's database
    what: PostgreSQL
    method: dump
    schedule: "{YEARLY}"
    location: {{kind: s3_objects, connection: yard_aws, bucket: {BACKUPS}, prefix: yard/}}
    source: {{kind: database, name: main, job: {{image: "{IMAGE}", secrets: [{SECRET}]}}}}
    keep: {{daily_days: 1}}
    encryption: none
duties:
  - {{id: yard/backup/database, what: The database is backed up}}
routines:
  - {{name: backup, title: Backup of the database, purpose: A dump., cadence: backup, schedule: "{YEARLY}",
     owner: sre, deadline_minutes: 60,
     procedures: [{{id: yard/backup/database, kind: backup, parameters: {{policy: database}}}}]}}
"""


@dataclass(frozen=True)
class Yard:
    """The cluster that its jobs run in, and what they reach."""

    depot: Depot
    cluster: Cluster
    folder: Path

    def connections(self) -> dict[str, str]:
        """Return Airflow's connections to it."""
        same = {name.replace("depot", "yard"): value for name, value in self.depot.connections().items()}
        return same | {"yard_kubernetes": connection(self.cluster)}

    def fill(self) -> None:
        """Make its namespace with the secret, and let pods of the image really run."""
        self.cluster.admin("programs", image=IMAGE, command=[str(Path(sys.executable).with_name("upkeep"))])
        self.cluster.api("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        self.cluster.api("POST", f"/api/v1/namespaces/{NAMESPACE}/secrets", self._secret())

    def forget_password(self) -> None:
        """Put another password into the secret."""
        self._put(self._secret(password="of another door"))

    def remember_password(self) -> None:
        """Put the right one back."""
        self._put(self._secret())

    def jobs(self) -> list[dict[str, Any]]:
        """Return the jobs that there are."""
        found = self.cluster.api("GET", f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs")["items"]
        return list(found)

    def backups(self) -> list[str]:
        """Return the keys of its backups."""
        return [key for key in self.depot.backups() if key.startswith("yard/")]

    def _put(self, secret: dict[str, Any]) -> None:
        self.cluster.api("PUT", f"/api/v1/namespaces/{NAMESPACE}/secrets/{SECRET}", secret)

    def _secret(self, password: str = "") -> dict[str, Any]:
        known = self.connections().items()
        entries = {f"AIRFLOW_CONN_{name.upper()}": value for name, value in known if "kubernetes" not in name}
        if password:
            right = self.depot.server.password
            entries = {name: value.replace(right, password) for name, value in entries.items()}
        entries["AIRFLOW_HOME"] = str(self.folder)
        data = {name: base64.b64encode(value.encode()).decode() for name, value in entries.items()}
        return {"metadata": {"name": SECRET}, "data": data}
