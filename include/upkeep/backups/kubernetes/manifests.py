"""A namespace's configuration as files for Git: the same configuration makes the same bytes."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from upkeep.backups.kubernetes.cleaning import cleaned
from upkeep.backups.kubernetes.kinds import Kind, Object, name_of
from upkeep.backups.kubernetes.sealing import is_secret, seal, tell_tales
from upkeep.backups.kubernetes.selection import Seen, Selection, dependencies, everything
from upkeep.clients.answers import child
from upkeep.clients.kubernetes.api import Api

INDEX = "index.json"


def manifests(
    api: Api,
    namespace: str,
    selection: Selection,
    recipients: Sequence[str],
    before: Mapping[str, tuple[str, bytes]],
) -> dict[str, bytes]:
    """Return the files of a namespace, paths within its folder, with an index of all.

    before: path → (version, content) of sealed files as they are in Git: encryption gives other bytes each
    time, so an object that has not changed keeps its old ones.
    """
    files: dict[str, bytes] = {}
    versions: dict[str, str] = {}
    tales: set[str] = set()
    seen = Seen()
    for kind, obj in everything(api, namespace, selection, seen):
        plain = _yaml(cleaned(obj))
        line = json.dumps(cleaned(obj))
        if is_secret(obj):
            tales |= tell_tales(obj)
        elif not any(tale in line for tale in tales):
            files[_path(kind, obj)] = plain
            continue
        path, version = _path(kind, obj) + ".age", _version(obj, recipients)
        known = before.get(path)
        files[path] = known[1] if known and known[0] == version else seal(plain, recipients)
        versions[path] = version
    needed, noted = dependencies(api, namespace, seen)
    for obj in needed:
        files[f"cluster/{obj['kind'].lower()}-{name_of(obj)}.yaml"] = _yaml(obj)
    index = {
        "namespace": namespace,
        "counts": seen.counts,
        "sealed": versions,
        "files": {path: hashlib.sha256(content).hexdigest() for path, content in files.items()},
        "cluster_roles": noted["cluster_roles"],
    }
    files[INDEX] = json.dumps(index, indent=1, sort_keys=True).encode() + b"\n"
    return files


def _path(kind: Kind, obj: Object) -> str:
    return f"{kind.name}/{name_of(obj)}.yaml"


def _version(obj: Object, recipients: Sequence[str]) -> str:
    """Return what changes when a sealed object, or who may open it, changes; it tells nothing of it."""
    metadata = child(obj, "metadata")
    whole = f"{metadata.get('uid')}/{metadata.get('resourceVersion')}/{','.join(sorted(recipients))}"
    return hashlib.sha256(whole.encode()).hexdigest()


def _yaml(obj: Mapping[str, Any]) -> bytes:
    from ruamel.yaml import YAML

    writer = YAML(typ="safe")
    writer.default_flow_style = False
    writer.width = 4096
    out = io.BytesIO()
    writer.dump(dict(obj), out)
    return out.getvalue()
