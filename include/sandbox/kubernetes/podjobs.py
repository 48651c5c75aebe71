"""What the API server adds to a Job when it is created: an identity that ties its pods to it."""

from __future__ import annotations

import copy
from uuid import uuid4

from sandbox.kubernetes.objects import Object


def with_job_identity(job: Object) -> Object:
    """Return a copy of a new job with its uid, and selector and template labels made from it."""
    job = copy.deepcopy(job)
    uid = job["metadata"].setdefault("uid", str(uuid4()))
    name = job["metadata"]["name"]
    labels = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    metadata = job["spec"]["template"].setdefault("metadata", {})
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    if not job["spec"].get("manualSelector"):
        job["spec"]["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    return job
