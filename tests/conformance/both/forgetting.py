"""Letting our own control plane forget what was, as it does by itself after some minutes."""

from __future__ import annotations

import ssl
from typing import Any

import httpx
from tests.conformance.control_plane.plane import Plane


def forget(plane: Plane) -> None:
    """Compact etcd up to now: lists and watches of an earlier version are too old."""
    own = plane.layout.certificates
    context = ssl.create_default_context(cafile=own.authority)
    context.load_cert_chain(own.certificate("admin"), own.key("admin"))
    base = f"https://127.0.0.1:{plane.layout.ports['etcd']}/v3/kv"
    with httpx.Client(verify=context, trust_env=False, timeout=30) as etcd:

        def ask(what: str, body: dict[str, Any]) -> dict[str, Any]:
            found: dict[str, Any] = etcd.post(f"{base}/{what}", json=body).raise_for_status().json()
            return found

        revision = ask("range", {"key": "AA=="})["header"]["revision"]
        ask("compaction", {"revision": revision, "physical": True})
