"""Reading a foreign answer: every field is checked before it is used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from upkeep.clients.secrets import mask_secrets
from upkeep.errors import BadAnswer, PermanentError, excerpt

T = TypeVar("T")


class NotFoundError(PermanentError):
    """What was asked for does not exist."""


def safe_excerpt(text: str | bytes) -> str:
    """Return the beginning of a foreign text on one line, its secrets masked."""
    if isinstance(text, bytes):
        text = text[:4096].decode("utf-8", errors="replace")
    return excerpt(mask_secrets(text[:4096]))


def parse_json(text: str | bytes, where: str) -> Any:
    """Return the JSON value in `text`.

    Raises BadAnswer, with an excerpt, if it is none.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as e:
        raise BadAnswer(f"{where}: the answer is not JSON: {safe_excerpt(text)!r}") from e


def require(value: Any, kind: type[T], where: str) -> T:
    """Return `value` if it is a `kind`; raise BadAnswer, with an excerpt, if it is not."""
    if isinstance(value, kind):
        return value
    raise BadAnswer(f"{where}: expected {kind.__name__}, got {safe_excerpt(repr(value))}")


def mapping(value: Any, where: str) -> dict[str, Any]:
    """Return `value` if it is a JSON object; raise BadAnswer if it is not."""
    return require(value, dict, where)


def rows(value: Any, where: str) -> list[dict[str, Any]]:
    """Return `value` if it is a list of JSON objects; raise BadAnswer if it is not."""
    return [mapping(row, where) for row in require(value, list, where)]


def child(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return the object under `key`, empty if it is missing or null; raise BadAnswer if it is no object."""
    found = value.get(key)
    return {} if found is None else mapping(found, key)


def children(value: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the objects under `key`, none if it is missing or null; raise BadAnswer if it is no list."""
    found = value.get(key)
    return [] if found is None else rows(found, key)


def text(value: Mapping[str, Any], key: str) -> str:
    """Return the text under `key`, empty if it is missing or null; raise BadAnswer if it is no text."""
    found = value.get(key)
    return "" if found is None else require(found, str, key)


def whole(value: Mapping[str, Any], key: str) -> int:
    """Return the whole number under `key`, 0 if it is missing or null; raise BadAnswer if it is none."""
    found = value.get(key)
    if isinstance(found, bool):
        raise BadAnswer(f"{key}: expected int, got {found}")
    return 0 if found is None else require(found, int, key)


def texts(value: Any, where: str) -> dict[str, str]:
    """Return `value` if it maps texts to texts (labels); an empty one for null; raise BadAnswer otherwise."""
    labels = {} if value is None else mapping(value, where)
    return {key: require(label, str, f"{where}.{key}") for key, label in labels.items()}


def moment(value: Any, where: str) -> datetime:
    """Return the time in an ISO 8601 text, in UTC; raise BadAnswer if it is none or has no time zone."""
    try:
        at = datetime.fromisoformat(require(value, str, where))
    except ValueError as e:
        raise BadAnswer(f"{where}: not a time: {safe_excerpt(repr(value))}") from e
    if at.tzinfo is None:
        raise BadAnswer(f"{where}: a time without a zone: {safe_excerpt(repr(value))}")
    return at.astimezone(UTC)


def moment_or_none(value: Any, where: str) -> datetime | None:
    """Return the time in an ISO 8601 text, in UTC, or None for null and the empty text."""
    return None if value is None or value == "" else moment(value, where)


def from_epoch(seconds: Any, where: str) -> datetime:
    """Return the UTC time of a number of seconds since 1970; raise BadAnswer if it is none."""
    try:
        return datetime.fromtimestamp(float(seconds), UTC)
    except (TypeError, ValueError, OverflowError, OSError) as e:
        raise BadAnswer(f"{where}: not a time: {safe_excerpt(repr(seconds))}") from e


def aware(at: datetime, what: str) -> datetime:
    """Return `at`; raise ValueError if it has no time zone, which is a mistake of the caller."""
    if at.tzinfo is None:
        raise ValueError(f"{what} has no time zone: {at.isoformat()}")
    return at
