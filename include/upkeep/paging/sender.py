"""What delivers on one channel, and how it says that it could not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from upkeep.clients.secrets import mask_secrets
from upkeep.errors import PermanentError, TemporaryError, excerpt
from upkeep.incidents.model import Page
from upkeep.paging.digest import Digest
from upkeep.paging.note import Note

Message = Page | Digest | Note

_WORTH_REPEATING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


@dataclass(frozen=True)
class Sent:
    """Who got it (a Slack channel, an address, a PagerDuty key) and how the far side calls it."""

    target: str
    receipt: str = ""


class Sender(Protocol):
    """One channel. Safe to use from several threads at once."""

    def send(self, message: Message) -> Sent:
        """Try once. Raises TemporaryError (TryLater where the far side said when) or PermanentError."""


class NoAddress(PermanentError):
    """The catalog gives the person no address on this channel, so nothing was tried."""


class TryLater(TemporaryError):
    """The far side is busy, and said in how many seconds to come back."""

    def __init__(self, message: str, after_seconds: float) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


def refusal(status: int, text: str, headers: Mapping[str, str]) -> TemporaryError | PermanentError:
    """Return the error for an HTTP status that is not a success.

    text: what the far side said; it is masked and cut. headers: its answer's;
    Retry-After counts where it is in seconds.

    >>> refusal(429, "slow down", {"retry-after": "3"}).after_seconds
    3.0
    >>> refusal(400, "no such key", {})
    PermanentError('HTTP 400: no such key')
    """
    said = f"HTTP {status}: {quoted(text)}" if text.strip() else f"HTTP {status}"
    if status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _WORTH_REPEATING:
        return PermanentError(said)
    after = {name.lower(): value for name, value in headers.items()}.get("retry-after", "").strip()
    if after.isascii() and after.isdecimal():
        return TryLater(said, float(after))
    return TemporaryError(said)


def quoted(text: str) -> str:
    """Return foreign text fit for a message: masked, on one line, short."""
    return excerpt(mask_secrets(text))
