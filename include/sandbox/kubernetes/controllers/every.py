"""All control loops of a cluster."""

from __future__ import annotations

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.autoscalers import Autoscalers
from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.controllers.budgets import Budgets
from sandbox.kubernetes.controllers.certificates import Certificates
from sandbox.kubernetes.controllers.claims import Claims
from sandbox.kubernetes.controllers.collector import Collector
from sandbox.kubernetes.controllers.cronjobs import CronJobs
from sandbox.kubernetes.controllers.daemonsets import DaemonSets
from sandbox.kubernetes.controllers.definitions import Definitions
from sandbox.kubernetes.controllers.deployments import Deployments
from sandbox.kubernetes.controllers.endpoints import EndpointLists
from sandbox.kubernetes.controllers.jobs import Jobs
from sandbox.kubernetes.controllers.manager import Manager
from sandbox.kubernetes.controllers.namespaces import Namespaces
from sandbox.kubernetes.controllers.pods import Pods
from sandbox.kubernetes.controllers.replicasets import ReplicaSets
from sandbox.kubernetes.controllers.scans import Scans
from sandbox.kubernetes.controllers.snapshots import Snapshots
from sandbox.kubernetes.controllers.statefulsets import StatefulSets

_EVERY: tuple[type[Controller], ...] = (
    Definitions,
    Namespaces,
    Pods,
    ReplicaSets,
    Deployments,
    DaemonSets,
    StatefulSets,
    Jobs,
    CronJobs,
    Claims,
    Snapshots,
    EndpointLists,
    Budgets,
    Autoscalers,
    Certificates,
    Scans,
    Collector,
)


def manage(cluster: Cluster) -> Manager:
    """Return a manager that runs all control loops of the cluster."""
    return Manager(cluster, [controller(cluster) for controller in _EVERY])
