"""Waiting for somebody else's HTTP server."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request


def answers_200(url: str) -> bool:
    """Whether a GET is answered with 200 now."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - a URL of our own
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, http.client.HTTPException):
        return False
