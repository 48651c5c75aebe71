"""Drills on a namespace: copy it, lose the copy, recover it, take everything down.

Only a namespace that carries the drill's label is ever deleted, unless a caller says `production=True`,
which its approval guards.
"""

from __future__ import annotations

from typing import Any

from upkeep.backups.kubernetes.archive import Archive
from upkeep.backups.kubernetes.kinds import NAMESPACES, listed, name_of
from upkeep.backups.kubernetes.plan import find_namespace, recreate_plan, remains
from upkeep.backups.kubernetes.recreate import WAIT_SECONDS, recreate
from upkeep.backups.kubernetes.waiting import wait_until_none
from upkeep.backups.kubernetes.wanted import DRILL_LABEL, Target
from upkeep.clients.answers import NotFoundError, child
from upkeep.clients.kubernetes.api import Api
from upkeep.clients.kubernetes.errors import RefusedError
from upkeep.errors import PermanentError, TemporaryError

SUFFIX = "-drill"
"""Of a copy's name: fixed, so that two drills of one namespace meet instead of passing each other."""
LONGEST_NAME = 63


def drill_target(source: str, drill: str) -> Target:
    """Return where a drill's copy of a namespace lives; drill: its name, as the label holds it."""
    return Target(
        source[: LONGEST_NAME - len(SUFFIX)] + SUFFIX, copy_beside=True, labels={DRILL_LABEL: drill}
    )


def copy_namespace(archive: Archive, api: Api, drill: str, seconds: float = WAIT_SECONDS) -> dict[str, Any]:
    """Recreate an export beside its original, where nothing in it reaches outside.

    Returns what `recreate` returns. A repeat goes on with the same copy. Raises PermanentError if the name
    is taken by anything but this drill, or the plan names another problem.
    """
    target = drill_target(archive.namespace, drill)
    plan = recreate_plan(archive, api, target)
    if plan["problems"]:
        raise PermanentError(f"no drill in {target.namespace}: {'; '.join(plan['problems'])}")
    return recreate(archive, api, target, seconds)


def delete_namespace(
    api: Api, namespace: str, drill: str, production: bool = False, seconds: float = WAIT_SECONDS
) -> None:
    """Delete a namespace and wait until it is gone; one that is gone is no error.

    Raises PermanentError if it carries another drill's label or none and `production` is not set, or if
    it does not go within `seconds`, with what holds it.
    """
    found = find_namespace(api, namespace)
    if found is None:
        return
    metadata = child(found, "metadata")
    if not production and child(metadata, "labels").get(DRILL_LABEL) != drill:
        raise PermanentError(
            f"Namespace/{namespace} does not carry the label {DRILL_LABEL}={drill}: it is not this drill's, "
            "and was left alone"
        )
    # By its uid: a namespace of the same name that somebody has made since is not ours.
    options = {"preconditions": {"uid": metadata["uid"]}, "propagationPolicy": "Background"}
    try:
        api.send("DELETE", NAMESPACES.path(None, namespace), options)
    except NotFoundError:
        return
    except RefusedError as e:
        if e.status != 409:  # 409: it is being deleted already, or was made again since
            raise

    def there() -> list[str]:
        now = find_namespace(api, namespace)
        same = now is not None and child(now, "metadata")["uid"] == metadata["uid"]
        return [remains(now)] if same and now else []

    if left := wait_until_none(there, seconds):
        raise PermanentError(
            f"Namespace/{namespace} does not go within {seconds:g} s: {left[0]}; remove what holds it"
        )


def tear_down(api: Api, drill: str, seconds: float = WAIT_SECONDS) -> list[str]:
    """Delete all that a drill has made; return the names. Nothing without its label is touched.

    Raises TemporaryError that names what does not go; the rest is deleted all the same.
    """
    found = [name_of(obj) for obj in listed(api, NAMESPACES, None, f"{DRILL_LABEL}={drill}")]
    left = []
    for name in found:
        try:
            delete_namespace(api, name, drill, seconds=seconds)
        except PermanentError as e:
            left.append(str(e))
    if left:
        raise TemporaryError("; ".join(left))
    return found
