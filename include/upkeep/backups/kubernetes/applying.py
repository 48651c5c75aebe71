"""Making objects by server-side apply: again and again without a second copy, each refusal named."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from upkeep.backups.kubernetes.kinds import Kind, Object, identity, label, name_of
from upkeep.clients.kubernetes.api import Api
from upkeep.clients.kubernetes.errors import RefusedError
from upkeep.errors import TemporaryError

MANAGER = "upkeep"
"""The owner of the fields that a recovery writes."""

APPLY = "application/apply-patch+yaml"
AT_ONCE = 4
UNSETTLED_SECONDS = 10.0
"""How long the cluster may take to count what a new quota allows, or to serve a kind that is new."""

_UNSETTLED = ("status unknown for quota", "HTTP 429")

Kinds = Mapping[tuple[str, str], Kind]


@dataclass
class Outcome:
    """What became of objects. refused: label → why."""

    created: list[str] = field(default_factory=list)
    applied: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def apply(api: Api, kind: Kind, obj: Object, dry_run: bool = False) -> bool:
    """Apply one object; return whether it was made. Fields that others own are taken.

    Raises RefusedError, and what the client raises.
    """
    params = {"fieldManager": MANAGER, "force": "true", "dryRun": "All" if dry_run else ""}
    path = kind.path(obj["metadata"].get("namespace"), name_of(obj))
    end = time.monotonic() + UNSETTLED_SECONDS
    while True:
        try:
            return api.send("PATCH", path, obj, APPLY, params)[0] == 201
        except (RefusedError, TemporaryError) as e:
            if not any(word in str(e) for word in _UNSETTLED) or time.monotonic() > end:
                raise
        time.sleep(0.2)


def apply_all(api: Api, kinds: Kinds, objects: Sequence[Object], outcome: Outcome) -> None:
    """Apply objects that do not depend on each other; one that is refused does not stop the rest.

    Raises TemporaryError where the API does not answer, or the namespace is being deleted.
    """

    def one(obj: Object) -> None:
        kind = kinds.get(identity(obj))
        if kind is None:
            outcome.refused[label(obj)] = f"the cluster serves no {obj['kind']} in {obj['apiVersion']}"
            return
        try:
            made = apply(api, kind, obj)
        except RefusedError as e:
            if "being terminated" in str(e):
                raise TemporaryError(f"{e}; wait until the namespace is gone, then run again") from e
            outcome.refused[label(obj)] = str(e)
            return
        (outcome.created if made else outcome.applied).append(label(obj))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for done in [pool.submit(one, obj) for obj in objects]:
                done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)  # an API that is down is not asked for each of the rest
            raise
