"""Why a job failed or cannot start, as the cluster says it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from upkeep.clients.answers import child, children, moment, text
from upkeep.clients.kubernetes.api import Api, join, list_path
from upkeep.clients.secrets import mask_secrets
from upkeep.errors import UpkeepError, excerpt

JOBS = "apis/batch/v1"
STARTS_WITHIN = timedelta(minutes=10)
"""A pod that has not started by then never will: images are pulled in less, and nodes come up."""
LOG_LINES, LOG_BYTES = 20, 4000

_ADVICE = {
    "OOMKilled": "give it more `memory`",
    "ErrImagePull": "correct `image`, or let the cluster pull it",
    "ImagePullBackOff": "correct `image`, or let the cluster pull it",
    "InvalidImageName": "correct `image`",
    "CreateContainerConfigError": "make what is missing in the namespace, or correct `secrets`",
    "Unschedulable": "ask for less `cpu` and `memory`, or make room",
    "DeadlineExceeded": "give it more `longest_minutes`",
    "FailedCreate": "correct `service_account`, or whatever refuses the pod",
}
"""Reason → what to do; the words are fields of the policy's `job`."""


def failure(api: Api, job: Mapping[str, Any]) -> str:
    """Return why a failed job failed: its reason, how its last pod ended, the last lines of the log."""
    [failed] = [c for c in _conditions(job) if c.get("type") == "Failed" and c.get("status") == "True"]
    reason = text(failed, "reason")
    said = [f"{reason}: {text(failed, 'message')}"]
    pod = _newest_pod(api, job)
    if pod is None:
        return _sentence([*said, "none of its pods is left to ask"], [reason])
    ends = _ends(pod)
    said += [f"the container of {text(child(pod, 'metadata'), 'name')} ended with {end}" for end in ends]
    if why := text(child(pod, "status"), "reason"):
        said.append(f"the pod: {why}: {excerpt(text(child(pod, 'status'), 'message'))}")
    return f"{_sentence(said, [reason, why, *ends])}\n{_log(api, pod)}"


def stuck(api: Api, job: Mapping[str, Any], now: datetime) -> str | None:
    """Return why a job that is at work does not start; None while it does, or may still."""
    pod = _newest_pod(api, job)
    if pod is not None and text(child(pod, "status"), "phase") != "Pending":
        return None
    waits = pod or job
    since = moment(child(waits, "metadata").get("creationTimestamp"), "creationTimestamp")
    if now - since < STARTS_WITHIN:
        return None
    reasons = [*_waiting(pod)] if pod else []
    events = _warnings(api, waits)
    minutes = (now - since).total_seconds() / 60
    said = [f"no pod of it has started in {minutes:.0f} min", *(f"{r}: {m}" for r, m in reasons), *events]
    return _sentence(said, [*(reason for reason, _ in reasons), *events])


def _conditions(obj: Mapping[str, Any]) -> list[dict[str, Any]]:
    return children(child(obj, "status"), "conditions")


def _newest_pod(api: Api, job: Mapping[str, Any]) -> dict[str, Any] | None:
    metadata = child(job, "metadata")
    selector = f"batch.kubernetes.io/controller-uid={text(metadata, 'uid')}"
    pages = api.pages(list_path("pods", text(metadata, "namespace")), {"labelSelector": selector}, 100)
    pods = [pod for page in pages for pod in page]
    return max(pods, key=_age, default=None)


def _age(pod: Mapping[str, Any]) -> tuple[str, bool]:
    """Sort by the second in which pods were made; of two, one that has ended is the older."""
    ended = text(child(pod, "status"), "phase") in ("Succeeded", "Failed")
    return text(child(pod, "metadata"), "creationTimestamp"), not ended


def _states(pod: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [child(status, "state") for status in children(child(pod, "status"), "containerStatuses")]


def _ends(pod: Mapping[str, Any]) -> list[str]:
    ended = [child(state, "terminated") for state in _states(pod)]
    return [f"{text(end, 'reason')} (exit code {end.get('exitCode')})" for end in ended if end]


def _waiting(pod: Mapping[str, Any]) -> list[tuple[str, str]]:
    states = [child(state, "waiting") for state in _states(pod)]
    unplaced = [c for c in _conditions(pod) if c.get("type") == "PodScheduled" and c.get("status") == "False"]
    return [
        (text(one, "reason"), excerpt(text(one, "message")))
        for one in [*states, *unplaced]
        if text(one, "reason") not in ("", "ContainerCreating")
    ]


def _warnings(api: Api, obj: Mapping[str, Any]) -> list[str]:
    """Return the newest warning about an object, if the cluster still has one and lets us read it."""
    metadata = child(obj, "metadata")
    chosen = f"involvedObject.uid={text(metadata, 'uid')},type=Warning"
    path = list_path("events", text(metadata, "namespace"))
    try:
        events = [event for page in api.pages(path, {"fieldSelector": chosen}, 100) for event in page]
    except UpkeepError as e:
        return [f"its events cannot be read: {e}"]
    newest = max(events, key=lambda event: str(event.get("lastTimestamp") or ""), default=None)
    return [f"{text(newest, 'reason')}: {excerpt(text(newest, 'message'))}"] if newest else []


def _log(api: Api, pod: Mapping[str, Any]) -> str:
    metadata = child(pod, "metadata")
    path = join("api/v1", text(metadata, "namespace"), "pods", text(metadata, "name"), "log")
    try:
        end = b""
        with api.open(path, {"tailLines": LOG_LINES}) as pieces:
            for piece in pieces:
                end = (end + piece)[-LOG_BYTES:]
    except UpkeepError as e:
        return f"its log cannot be read: {e}"
    said = mask_secrets(end.decode(errors="replace").strip())
    return f"the last lines of its log:\n{said}" if said else "it has written no log"


def _sentence(said: list[str], reasons: list[str]) -> str:
    advice = next((do for word, do in _ADVICE.items() if any(word in reason for reason in reasons)), None)
    return "; ".join([*said, *([advice] if advice else [])])
