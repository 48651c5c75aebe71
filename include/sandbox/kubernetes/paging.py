"""Long lists in pages: every page of one list shows the same moment."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes.clock import Clock
from sandbox.kubernetes.errors import bad_request, expired
from sandbox.kubernetes.objects import Key, Object, key_of

LIFETIME_SECONDS = 300.0
"""How long a list can be continued: the real server's compaction interval."""

_FORMAT = "meta.k8s.io/v1"

_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new "
    "list without the continue parameter, or use the continue token in this response to retrieve the "
    "remainder of the results. Continuing with the provided token results in an inconsistent list - objects "
    "that were created, modified, or deleted between the time the first chunk was returned and now may show "
    "up in the list."
)


@dataclass(frozen=True)
class Token:
    """Where a list goes on. revision: the moment the list shows; -1 for the present, after an expiry."""

    revision: int
    after: Key

    def encode(self) -> str:
        """Return the token as it travels: as the real server writes it, though nobody should read it."""
        start = "/".join(self.after) + "\0"
        token = json.dumps({"v": _FORMAT, "rv": self.revision, "start": start})
        return base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


def decode(text: str) -> Token:
    """Return the token that a client sent; raise ApiError 400 if it is none."""
    try:
        read = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if read["v"] != _FORMAT:
            raise ValueError(f"the format {read['v']} is unknown")
        namespace, _, name = read["start"].removesuffix("\0").partition("/")
        return Token(int(read["rv"]), (namespace, name))
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error) as e:
        raise bad_request(f"continue key is not valid: {e}") from e


@dataclass(frozen=True)
class Page:
    """One page. revision: the resource version of the whole list."""

    items: list[Object]
    revision: int
    token: str | None = None
    remaining: int | None = None

    def metadata(self) -> dict[str, Any]:
        """Return the list's metadata."""
        metadata: dict[str, Any] = {"resourceVersion": str(self.revision)}
        if self.token:
            metadata["continue"] = self.token
        if self.remaining is not None:
            metadata["remainingItemCount"] = self.remaining
        return metadata


@dataclass(frozen=True)
class _Snapshot:
    items: list[Object]
    deadline: float


class Pager:
    """Cuts lists into pages and keeps the lists that clients are reading."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._snapshots: dict[tuple[int, str], _Snapshot] = {}

    def page(self, scope: str, query: Mapping[str, str], items: list[Object], revision: int) -> Page:
        """Return the page that the query's limit and continue ask for.

        scope: what is listed and how it is selected. items, revision: the list as it is now.
        Raises ApiError 400 for a bad limit or token, 410 for a token that has expired.
        """
        limit = _limit(query)
        after: Key | None = None
        version = query.get("resourceVersion", "")
        if not version.isdecimal() and version:
            raise bad_request(f'invalid resource version: resourceVersion: Invalid value: "{version}"')
        if text := query.get("continue"):
            if version not in ("", "0"):
                raise bad_request("specifying resource version is not allowed when using continue")
            token = decode(text)
            after = token.after
            if token.revision >= 0:
                revision, items = token.revision, self._snapshot(scope, token)
        rest = items if after is None else [item for item in items if key_of(item) > after]
        if not limit or len(rest) <= limit:
            return Page(rest, revision)
        self._keep(scope, revision, items)
        selected = "labelSelector" in query or "fieldSelector" in query
        remaining = None if selected else len(rest) - limit
        page = rest[:limit]
        return Page(page, revision, Token(revision, key_of(page[-1])).encode(), remaining)

    def expire(self) -> None:
        """Forget all lists, as if they had grown too old."""
        self._snapshots.clear()

    def _keep(self, scope: str, revision: int, items: list[Object]) -> None:
        now = self._clock.now().timestamp()
        self._snapshots = {key: kept for key, kept in self._snapshots.items() if kept.deadline > now}
        self._snapshots.setdefault((revision, scope), _Snapshot(items, now + LIFETIME_SECONDS))

    def _snapshot(self, scope: str, token: Token) -> list[Object]:
        kept = self._snapshots.get((token.revision, scope))
        if kept is None or kept.deadline <= self._clock.now().timestamp():
            error = expired(_EXPIRED)
            error.list_metadata = {"continue": Token(-1, token.after).encode()}
            raise error
        return kept.items


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit") or "0"
    if not text.isdecimal():
        raise bad_request(f'limit: Invalid value: "{text}"')
    return int(text)
