"""Logs of pods, from the Kubernetes API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from upkeep.clients.answers import aware
from upkeep.clients.kubernetes.api import join
from upkeep.clients.logs.model import MAX_LINE_LENGTH, LogLine

if TYPE_CHECKING:
    from upkeep.clients.kubernetes import Kubernetes

MAX_LINES = 100_000
MAX_BYTES = 32 * 1024 * 1024


def pod_logs(  # noqa: PLR0913 - what kubectl logs takes
    kubernetes: Kubernetes,
    namespace: str,
    pod: str,
    container: str | None = None,
    *,
    start: datetime,
    end: datetime,
    previous: bool = False,
    max_lines: int = MAX_LINES,
    max_bytes: int = MAX_BYTES,
) -> Iterator[LogLine]:
    """Yield a container's lines from `start` to before `end`, of the newest `max_lines` that it keeps.

    container: needed if the pod has several. previous: of the instance before the last restart.
    A line is held in memory at a time. Raises TemporaryError (unreachable, too slow), NotFoundError (the
    pod is gone) and PermanentError (HTTP 400: the container has not started, or none of that name).
    """
    params = {
        "timestamps": "true",
        "sinceTime": aware(start, "start").astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "tailLines": max_lines,
        "limitBytes": max_bytes,
        "container": container,
        "previous": "true" if previous else None,
    }
    aware(end, "end")
    source = "/".join(part for part in (namespace, pod, container) if part)
    with kubernetes.api.open(join("api/v1", namespace, "pods", pod, "log"), params) as pieces:
        last: datetime | None = None
        for raw in _lines(pieces):
            at, text = _split(raw, last)
            last = at
            if at is not None and start <= at < end:
                yield LogLine(at, text, source)


def _lines(pieces: Iterator[bytes]) -> Iterator[str]:
    """Cut a stream into lines; what is beyond the longest line kept is dropped at once."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line[: MAX_LINE_LENGTH + 64].decode("utf-8", errors="replace")
        rest = rest[: MAX_LINE_LENGTH + 64]
    if rest:
        yield rest.decode("utf-8", errors="replace")


def _split(line: str, last: datetime | None) -> tuple[datetime | None, str]:
    """Split off the time that the kubelet wrote; a line without one belongs to the line before."""
    stamp, _, text = line.partition(" ")
    try:
        at = datetime.fromisoformat(stamp)
    except ValueError:
        return last, line
    if at.tzinfo is UTC:  # by far the most
        return at, text.rstrip("\r")
    if at.tzinfo is None or abs(at.utcoffset() or timedelta()) > timedelta(hours=14):
        return last, line
    return at.astimezone(UTC), text.rstrip("\r")
