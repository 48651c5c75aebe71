"""Kubernetes: lists page by page, and what the checks read of each object."""

from upkeep.clients.kubernetes.client import Kubernetes
from upkeep.clients.kubernetes.objects import (
    Claim,
    Container,
    CronJob,
    Deployment,
    Event,
    Job,
    Node,
    Pod,
    Usage,
)
from upkeep.clients.kubernetes.quantity import quantity

__all__ = [
    "Claim",
    "Container",
    "CronJob",
    "Deployment",
    "Event",
    "Job",
    "Kubernetes",
    "Node",
    "Pod",
    "Usage",
    "quantity",
]
