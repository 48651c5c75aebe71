"""Talking to the admin paths of the sandbox's own servers."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from sandbox.errors import PartFailed
from sandbox.estate import Estate

TIMEOUT_SECONDS = 15.0


def ask(estate: Estate, part: str, method: str, path: str, body: object = None) -> Any:
    """Send a request to a part's server; return its JSON, or None if it answers nothing.

    Raises:
        PartFailed: the part is not up, does not answer, or refuses.

    """
    endpoint = estate.part(part)
    headers = {"Content-Type": "application/json"}
    if token_file := endpoint.details.get("token_file"):
        headers["Authorization"] = f"Bearer {Path(token_file).read_text().strip()}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - a URL of our own
        estate.url(part) + path, data=data, headers=headers, method=method
    )
    authority = endpoint.details.get("ca_file")
    context = ssl.create_default_context(cafile=authority) if authority else None
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=context) as answer:  # noqa: S310
            text = answer.read()
    except urllib.error.HTTPError as e:
        said = e.read().decode(errors="replace")[:200]
        raise PartFailed(f"the sandbox's {part} refused {method} {path}: {e.code} {said}") from e
    except OSError as e:
        raise PartFailed(f"the sandbox's {part} does not answer: {e}; see `upkeep sandbox status`") from e
    return json.loads(text) if text else None
