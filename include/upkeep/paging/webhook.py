"""Pages for any other receiver: JSON, signed.

A receiver computes HMAC-SHA256, with the shared secret as key, over the bytes of `t` from the header
`X-Upkeep-Signature: t=…,v1=…`, a full stop, and the body as it came; compares it with `v1` in constant
time; and refuses a `t` (seconds since 1970) more than five minutes off. It answers 2xx once it has kept
the page, and treats two pages with the same `page_id` as one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC

from upkeep.incidents.model import Page
from upkeep.paging.view import TEXT_LENGTH, TITLE_LENGTH, clean, safe_facts, view

SIGNATURE_HEADER = "X-Upkeep-Signature"


def webhook_body(page: Page) -> bytes:
    """Return the page as JSON. `version` changes when a reader would have to."""
    body = {
        "version": 1,
        "kind": page.kind,
        "page_id": str(page.id),
        "incident_id": str(page.incident_id),
        "dedup_key": page.dedup_key,
        "level": page.level,
        "round": page.round,
        "person": {"name": page.person.name, "title": clean(page.person.title, TITLE_LENGTH)},
        "system": page.system,
        "system_title": clean(page.system_title, TITLE_LENGTH),
        "severity": page.severity,
        "title": clean(page.title, TITLE_LENGTH),
        "summary": clean(page.summary, TEXT_LENGTH),
        "began_at": page.began_at.astimezone(UTC).isoformat(),
        "signals": page.signals,
        "facts": safe_facts(page.facts),
        "links": {label.lower(): url for label, url in view(page).links},
    }
    return json.dumps(body, ensure_ascii=False).encode()


def signature(secret: str, body: bytes, at: int) -> str:
    """Return the header's value for a body that is sent `at` seconds since 1970.

    >>> signature("s", b"{}", 1)[:12]
    't=1,v1=...
    """
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"
