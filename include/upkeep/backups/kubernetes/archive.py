"""An export, read back for a recovery: all of it in memory, nothing of it on a disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from upkeep.backups.kubernetes.checking import Body
from upkeep.backups.kubernetes.kinds import Object
from upkeep.backups.kubernetes.sealing import unseal
from upkeep.backups.kubernetes.tarball import MANIFEST, objects_in, read_members
from upkeep.backups.model import Copy
from upkeep.errors import PermanentError


@dataclass(frozen=True)
class Archive:
    """What an export holds. Its repr shows no object.

    namespace: that was exported. cluster: the namespace itself and definitions of custom resources.
    unopened: how many objects stayed sealed, for want of an identity.
    """

    name: str
    namespace: str
    cluster: list[Object] = field(repr=False)
    objects: list[Object] = field(repr=False)
    facts: Mapping[str, Any] = field(repr=False)
    unopened: int = 0


def read_archive(s3: Any, copy: Copy, identity: str | None) -> Archive:
    """Return what an export holds.

    identity: the age identity that opens secrets (`AGE-SECRET-KEY-1…`); without, they are left out. Raises
    PermanentError where a byte is not what was written: nothing is recovered from a damaged archive.
    """
    if copy.problems:
        raise PermanentError(f"{copy.reference}: {'; '.join(copy.problems)}")
    where = urlsplit(copy.reference)
    body = Body(s3, where.netloc, where.path.lstrip("/"))
    members = {row["name"]: row for row in copy.facts["members"]}
    found = Archive(copy.name, str(copy.facts["namespace"]), [], [], copy.facts)
    unopened = 0
    try:
        for name, content in read_members(body, copy.reference):
            if name == MANIFEST:
                continue
            member = members.pop(name, None)
            if member is None or hashlib.sha256(content).hexdigest() != member["sha256"]:
                raise PermanentError(f"{copy.reference}: {name} is not what was written: take another backup")
            if member["sealed"] and identity is None:
                unopened += member["objects"]
                continue
            plain = unseal(content, identity or "", copy.reference) if member["sealed"] else content
            (found.cluster if name.startswith("cluster.") else found.objects).extend(objects_in(plain))
    finally:
        body.close()
    if members:
        raise PermanentError(f"{copy.reference}: {', '.join(sorted(members))} missing: take another backup")
    return Archive(found.name, found.namespace, found.cluster, found.objects, copy.facts, unopened)
