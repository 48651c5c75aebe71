"""The status of a pod at each step of its life."""

from __future__ import annotations

import zlib
from hashlib import sha256
from typing import Any

from sandbox.kubernetes.objects import Object, dig, with_condition

Changes = dict[str, Any]
"""Parts of a status to replace."""


def image_digest(image: str) -> str:
    """Return the digest of an image: the same for the same name, as in a registry whose tags stay put."""
    return f"sha256:{_hex(image)}"


def image_id(image: str) -> str:
    """Return the image as the kubelet names what it runs: repository and digest.

    >>> image_id("registry.example/api:1.2").partition("@sha256:")[0]
    'registry.example/api'
    """
    head, slash, tail = image.partition("@")[0].rpartition("/")
    return f"{head}{slash}{tail.partition(':')[0]}@{image_digest(image)}"


def waiting(reason: str, message: str = "") -> Object:
    """Return the state of a container that does not run."""
    return {"waiting": {"reason": reason} | ({"message": message} if message else {})}


def running(stamp: str) -> Object:
    """Return the state of a container that runs since `stamp`."""
    return {"running": {"startedAt": stamp}}


def terminated(status: Object, code: int, reason: str, stamp: str) -> Object:
    """Return the state of a container that has just ended."""
    started = dig(status, "state", "running", "startedAt") or stamp
    return {
        "terminated": {
            "exitCode": code,
            "reason": reason,
            "startedAt": started,
            "finishedAt": stamp,
            "containerID": status.get("containerID", ""),
        }
    }


def placed(pod: Object, stamp: str) -> Changes:
    """The scheduler has found a node."""
    return {
        "phase": "Pending",
        "conditions": _conditions(pod, stamp, PodScheduled=True),
        "qosClass": qos_class(pod),
    }


def creating(pod: Object, stamp: str) -> Changes:
    """The kubelet is setting the containers up."""
    reason = {"reason": "ContainersNotReady"}
    conditions = _conditions(pod, stamp, Initialized=True)
    for kind in ("Ready", "ContainersReady"):
        conditions = with_condition(conditions, {"type": kind, "status": "False", **reason}, stamp)
    changes: Changes = {
        "startTime": stamp,
        "conditions": conditions,
        "hostIP": _address("192.168", pod["spec"]["nodeName"]),
        "containerStatuses": [_container(c, waiting("ContainerCreating")) for c in pod["spec"]["containers"]],
    }
    if initial := pod["spec"].get("initContainers"):
        state = {
            "terminated": {"exitCode": 0, "reason": "Completed", "startedAt": stamp, "finishedAt": stamp}
        }
        changes["initContainerStatuses"] = [_container(c, state) | {"ready": True} for c in initial]
    return changes


def started(pod: Object, ready: bool, stamp: str) -> Changes:
    """The containers run."""
    address = _address("10.244", pod["metadata"]["uid"])
    statuses = [
        {
            **status,
            "imageID": image_id(container["image"]),
            "containerID": f"containerd://{_hex(pod['metadata']['uid'] + status['name'])}",
            "state": running(stamp),
        }
        for status, container in zip(
            pod["status"]["containerStatuses"], pod["spec"]["containers"], strict=True
        )
    ]
    changes = with_readiness(pod, statuses, ready, stamp)
    return changes | {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}


def with_readiness(pod: Object, statuses: list[Object], ready: bool, stamp: str) -> Changes:
    """The containers that run have become ready, or are no longer."""
    statuses = [
        {**s, "ready": ready and "running" in s["state"], "started": "running" in s["state"]}
        for s in statuses
    ]
    everything = all(s["ready"] for s in statuses)
    conditions = _conditions(pod, stamp, ContainersReady=everything, Ready=everything)
    return {"containerStatuses": statuses, "conditions": conditions}


def ended(pod: Object, code: int, stamp: str) -> Changes:
    """The containers have ended and are not started again."""
    reason = "Error" if code else "Completed"
    statuses = [
        {**s, "state": terminated(s, code, reason, stamp)} for s in pod["status"]["containerStatuses"]
    ]
    changes = with_readiness(pod, statuses, False, stamp)
    return changes | {"phase": "Failed" if code else "Succeeded"}


def _hex(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _container(container: Object, state: Object) -> Object:
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "restartCount": 0,
        "ready": False,
        "started": False,
        "state": state,
        "lastState": {},
    }


def _conditions(pod: Object, stamp: str, **values: bool) -> list[Object]:
    conditions = dig(pod, "status", "conditions")
    for kind, value in values.items():
        conditions = with_condition(conditions, {"type": kind, "status": str(value)}, stamp)
    return conditions or []


def _address(network: str, seed: str) -> str:
    number = zlib.crc32(seed.encode())
    return f"{network}.{number >> 8 & 255}.{number % 254 + 1}"


def qos_class(pod: Object) -> str:
    """Return the pod's class of service, which follows from its containers' requests and limits."""
    resources = [c.get("resources") or {} for c in pod["spec"]["containers"]]
    if not any(r.get("requests") or r.get("limits") for r in resources):
        return "BestEffort"
    equal = all(
        {"cpu", "memory"} <= set(r.get("limits") or ()) and r["limits"] == r.get("requests")
        for r in resources
    )
    return "Guaranteed" if equal else "Burstable"
