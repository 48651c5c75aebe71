"""Loki's HTTP API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self

from upkeep.clients.answers import (
    aware,
    child,
    children,
    mapping,
    parse_json,
    require,
    safe_excerpt,
    text,
    texts,
)
from upkeep.clients.endpoint import Endpoint, fetch, make_client, status_error
from upkeep.clients.logs.model import MAX_LINE_LENGTH, LogLine
from upkeep.errors import BadAnswer, ConfigurationError

PAGE = 1000
"""Lines asked for at once; Loki's own limit is 5,000 by default."""

MAX_LINES = 100_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Entry(NamedTuple):
    nanoseconds: int
    source: str
    text: str


class Loki:
    """A Loki server; safe to use from several threads. Close it, or use it in a `with`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._client = make_client(endpoint)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Loki({self.endpoint!r})"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def lines(
        self, query: str, start: datetime, end: datetime, *, page: int = PAGE, max_lines: int = MAX_LINES
    ) -> Iterator[LogLine]:
        """Yield the lines that a LogQL query selects from `start` to before `end`, oldest first.

        Raises TemporaryError (unreachable, timed out, overloaded), ConfigurationError (bad LogQL, with
        Loki's own message; credentials) and BadAnswer (garbage; a page full of lines of one nanosecond).
        """
        first, last = _nanoseconds(aware(start, "start")), _nanoseconds(aware(end, "end"))
        known: set[_Entry] = set()
        count = 0
        while first < last:
            entries = self._page(query, first, last, page)
            for entry in entries:
                if entry not in known:
                    count += 1
                    yield LogLine(_moment(entry.nanoseconds), entry.text[:MAX_LINE_LENGTH], entry.source)
                    if count >= max_lines:
                        return
            if len(entries) < page:
                return
            # The next page begins with the last nanosecond of this one, of which there may be more lines.
            newest = entries[-1].nanoseconds
            if entries[0].nanoseconds == newest:
                raise BadAnswer(f"Loki {self.endpoint.base_url}: {page} lines or more of one nanosecond")
            known = {entry for entry in entries if entry.nanoseconds == newest}
            first = newest

    def _page(self, query: str, first: int, last: int, page: int) -> list[_Entry]:
        params = {"query": query, "start": first, "end": last, "limit": page, "direction": "forward"}
        answer = fetch(self._client, "/loki/api/v1/query_range", params)
        if answer.status == 400:
            said = safe_excerpt(answer.body)
            raise ConfigurationError(f"Loki {self.endpoint.base_url} cannot evaluate {query!r}: {said}")
        error = status_error(answer.status, answer.where, answer.body)
        if error is not None:
            raise error
        data = child(mapping(parse_json(answer.body, answer.where), answer.where), "data")
        kind = text(data, "resultType")
        if kind == "matrix":
            raise ConfigurationError(f"{query!r} gives numbers, not lines")
        if kind != "streams":
            raise BadAnswer(f"{answer.where}: not an answer of Loki: {safe_excerpt(answer.body)!r}")
        entries = [entry for stream in children(data, "result") for entry in _entries(stream)]
        return sorted(entries)


def _entries(stream: dict[str, Any]) -> Iterator[_Entry]:
    labels = texts(stream.get("stream"), "stream")
    source = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
    for value in require(stream.get("values"), list, "values"):
        try:
            at, line = value[0], value[1]
            yield _Entry(int(at), source, require(line, str, "values"))
        except (ValueError, TypeError, LookupError) as e:
            raise BadAnswer(f"Loki: not a log line: {safe_excerpt(repr(value))}") from e


def _nanoseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000


def _moment(nanoseconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError as e:
        raise BadAnswer(f"Loki: not a time: {nanoseconds}") from e
