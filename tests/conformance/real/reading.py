"""Runs the daily health check on a cluster in a process of its own: `python reading.py KUBECONFIG NAMESPACE`.

Prints JSON: the findings' states and values by name, and the peak resident memory in KiB.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta

from kubernetes import config
from tests.servers.situation import ask, make_context, make_system

from sandbox.memory import peak_kib
from upkeep.clients.kubernetes import Kubernetes


def main(kubeconfig: str, namespace: str) -> None:
    """Look at the pods, jobs and deployments of the namespace and at all nodes."""
    now = datetime.now(UTC)
    system = make_system(workload={"namespace": namespace, "deployments": ["many"]})
    with config.new_client_from_config(kubeconfig) as api:
        client = Kubernetes(api, timeout_seconds=60)
        context = make_context(system, as_of=now, since=now - timedelta(days=1), kubernetes=client)
        found = ask("health", context, seconds=120, workload=True, nodes=True)
    said = {name: [finding.state, finding.summary] for name, finding in found.items()}
    print(json.dumps({"found": said, "kib": peak_kib()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
