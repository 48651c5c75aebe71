"""A deployment put back to an earlier revision."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from upkeep.backups.kubernetes.kinds import DEPLOYMENTS, REPLICA_SETS, Object, listed, name_of
from upkeep.backups.kubernetes.readiness import roll_out
from upkeep.clients.answers import child, children
from upkeep.clients.kubernetes.api import Api
from upkeep.clients.kubernetes.errors import RefusedError
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError

REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"


def rollback_plan(api: Api, namespace: str, name: str, revision: int | None = None) -> dict[str, Any]:
    """Return what a rollback would do, as plain JSON values: `from` and `to`, each with its replica set.

    revision: to go to; the one before the current without. Only reads. A rollback gives the replica set
    that it returns to a new revision, so it is the replica set that must be kept for the act. Raises
    NotFoundError without the deployment, PermanentError if there is no such revision or it is paused.
    """
    deployment = api.get(DEPLOYMENTS.path(namespace, name))
    if child(deployment, "spec").get("paused"):
        raise PermanentError(f"Deployment/{name} is paused: resume it, nothing rolls out until then")
    history = _history(api, namespace, deployment)
    template = child(child(deployment, "spec"), "template")
    current = next((o for o in history if _template(o) == template), None)
    if current is None:
        raise TemporaryError(f"Deployment/{name}: its newest revision is not there yet")
    earlier = [o for o in history if o is not current and _revision(o) < _revision(current)]
    chosen = [o for o in earlier if revision in (None, _revision(o))]
    if not chosen:
        known = ", ".join(str(_revision(o)) for o in earlier) or "none"
        raise PermanentError(f"Deployment/{name} has no revision {revision or 'before its first'}: {known}")
    return {"deployment": name, "from": _facts(current), "to": _facts(chosen[-1])}


def rollback_deployment(
    api: Api, namespace: str, name: str, replica_set: str, seconds: float = 300
) -> dict[str, Any]:
    """Put a deployment back to the template of a replica set of its own, and wait for the rollout.

    A repeat finds that it is done. Returns changed, images, seconds. Raises PermanentError if the replica
    set is not its own, TemporaryError if it is not rolled out within `seconds`.
    """
    began = time.monotonic()
    path = DEPLOYMENTS.path(namespace, name)
    deployment = api.get(path)
    found = next((o for o in _history(api, namespace, deployment) if name_of(o) == replica_set), None)
    if found is None:
        raise PermanentError(f"Deployment/{name} has no ReplicaSet/{replica_set}: plan the rollback again")
    changed = child(child(deployment, "spec"), "template") != _template(found)
    if changed:
        _replace_template(api, path, deployment, _template(found))
    roll_out(api, namespace, {f"Deployment/{name}"}, seconds)
    took = round(time.monotonic() - began, 3)
    return {"changed": changed, "images": _facts(found)["images"], "seconds": took}


def _replace_template(api: Api, path: str, deployment: Object, template: Object) -> None:
    """Replace the whole template: a merge would keep what the newer one added."""
    version = child(deployment, "metadata")["resourceVersion"]
    body = {**deployment, "spec": {**child(deployment, "spec"), "template": template}}
    body["metadata"] = {**child(deployment, "metadata"), "resourceVersion": version}
    try:
        api.send("PUT", path, body, params={"fieldManager": "upkeep"})
    except RefusedError as e:
        if e.status == 409:
            raise TemporaryError(f"{e}; it was changed meanwhile: run again") from e
        raise ConfigurationError(str(e)) from e


def _history(api: Api, namespace: str, deployment: Object) -> list[Object]:
    """Return the replica sets of a deployment, oldest revision first."""
    uid = child(deployment, "metadata")["uid"]
    own = [
        obj
        for obj in listed(api, REPLICA_SETS, namespace)
        if any(o.get("uid") == uid for o in children(child(obj, "metadata"), "ownerReferences"))
    ]
    return sorted(own, key=_revision)


def _revision(obj: Mapping[str, Any]) -> int:
    notes = child(child(obj, "metadata"), "annotations")
    return int(notes.get(REVISION) or 0)


def _template(replica_set: Object) -> Object:
    """Return the template as the deployment had it: without the hash that tells its pods apart."""
    template: Object = json.loads(json.dumps(child(child(replica_set, "spec"), "template")))
    child(child(template, "metadata"), "labels").pop(HASH, None)
    return template


def _facts(replica_set: Object) -> dict[str, Any]:
    pod = child(child(child(replica_set, "spec"), "template"), "spec")
    images = [container.get("image") for container in children(pod, "containers")]
    return {"replica_set": name_of(replica_set), "revision": _revision(replica_set), "images": images}
