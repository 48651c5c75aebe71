"""The cluster of Airflow's metadata and of Upkeep's ledger: faults of the estate do not touch it."""

from __future__ import annotations

from sandbox.estate import Endpoint
from sandbox.parts.model import Context, Part
from sandbox.parts.postgres_cluster import Cluster

CLUSTER = Cluster(
    name="platform",
    databases={"airflow": "airflow", "ledger": "ledger"},
    # Airflow's components and the tests' workers hold many connections.
    settings={"max_connections": "200", "shared_buffers": "128MB"},
    durable=True,
)


def start(context: Context) -> list[Endpoint]:
    """Start it; its data survives `down`."""
    return [CLUSTER.start(context)]


PART = Part(names=("platform",), costs="Airflow and the ledger have no database", start=start)
