"""ControllerRevisions: the history that `kubectl rollout undo` reads for daemon and stateful sets."""

from __future__ import annotations

from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.controllers.podset import template_hash
from sandbox.kubernetes.deletion import BACKGROUND, delete
from sandbox.kubernetes.objects import Object, labels_of, owner_reference

REVISION_LABEL = "controller-revision-hash"


def current_revision(controller: Controller, owner: Object) -> str:
    """Record the owner's template as its newest revision; return the hash that its pods are labelled with."""
    cluster = controller.cluster
    resource, store = cluster.registry["controllerrevisions.apps"], cluster.store
    template = owner["spec"]["template"]
    mark = template_hash(template)
    known = sorted(
        controller.owned(owner, resource.qualified), key=lambda revision: int(revision["revision"])
    )
    last = known[-1]["revision"] if known else 0
    same = next((r for r in known if labels_of(r)[REVISION_LABEL] == mark), None)
    if same is None:
        store.create(resource, _revision(owner, template, mark, last + 1))
    elif same["revision"] != last:
        store.update(resource, {**same, "revision": last + 1})
    surplus = len(known) - owner["spec"]["revisionHistoryLimit"]
    for old in [r for r in known if r is not same][: max(surplus, 0)]:
        delete(cluster, resource, old, BACKGROUND)
    return mark


def _revision(owner: Object, template: Object, mark: str, number: int) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": f"{owner['metadata']['name']}-{mark}",
            "namespace": owner["metadata"]["namespace"],
            "labels": {**labels_of(template), REVISION_LABEL: mark},
            "ownerReferences": [owner_reference(owner)],
        },
        "data": {"spec": {"template": {**template, "$patch": "replace"}}},
        "revision": number,
    }
