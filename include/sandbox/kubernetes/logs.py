"""Pod logs: lines that were set, and lines that a workload's script writes as time goes by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.kubernetes.clock import parse, stamp_fine
from sandbox.kubernetes.errors import bad_request
from sandbox.kubernetes.objects import Object, dig, labels_of

Line = tuple[datetime, str]
Script = Callable[[Object, datetime, datetime], Iterable[Line]]
"""A pod, since and until: the lines that its container writes in that time, in order."""

KEPT_DAYS = 8
"""A week's review and a day: older lines are rotated away."""


@dataclass
class _Log:
    lines: list[Line] = field(default_factory=list)
    previous: list[Line] | None = None
    written_until: datetime | None = None


@dataclass(frozen=True)
class LogOptions:
    """What part of a log a request asks for."""

    tail_lines: int | None = None
    since: datetime | None = None
    limit_bytes: int | None = None
    timestamps: bool = False
    previous: bool = False
    follow: bool = False

    @classmethod
    def from_query(cls, query: Mapping[str, str], now: datetime) -> LogOptions:
        """Return the options in a query; raise ApiError 400 for values that make no sense."""
        seconds, moment = _whole(query, "sinceSeconds"), query.get("sinceTime")
        if seconds is not None and moment:
            raise bad_request("at most one of sinceTime or sinceSeconds may be specified")
        since = now - timedelta(seconds=seconds) if seconds is not None else None
        if moment:
            try:
                since = parse(moment)
            except ValueError as e:
                raise bad_request(f"sinceTime: Invalid value: {moment!r}") from e
        return cls(
            tail_lines=_whole(query, "tailLines"),
            since=since,
            limit_bytes=_whole(query, "limitBytes"),
            timestamps=_flag(query, "timestamps"),
            previous=_flag(query, "previous"),
            follow=_flag(query, "follow"),
        )

    def render(self, lines: Iterable[Line]) -> bytes:
        """Return the chosen lines as the response's text."""
        chosen = [line for line in lines if self.since is None or line[0] >= self.since]
        if self.tail_lines is not None:
            chosen = chosen[-self.tail_lines :] if self.tail_lines else []
        texts = (f"{stamp_fine(at)} {text}\n" if self.timestamps else f"{text}\n" for at, text in chosen)
        data = "".join(texts).encode()
        return data if self.limit_bytes is None else data[: self.limit_bytes]


def _whole(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if not text:
        return None
    if not text.isdecimal():
        raise bad_request(f'{name}: Invalid value: "{text}": must be a whole number')
    return int(text)


def _flag(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "").lower() in ("true", "1")


class LogBook:
    """The logs of all containers."""

    def __init__(self) -> None:
        self._logs: dict[tuple[str, str], _Log] = {}
        self._scripts: dict[tuple[str, str], Script] = {}

    def add_script(self, namespace: str, app: str, script: Script) -> None:
        """Let `script` write the logs of the pods with the label `app`."""
        self._scripts[namespace, app] = script

    def append(self, pod: Object, container: str, lines: Iterable[Line]) -> None:
        """Add lines; they are kept in the order of their times."""
        log = self._log(pod, container)
        log.lines = sorted([*log.lines, *lines], key=lambda line: line[0])

    def replace(self, pod: Object, container: str, lines: Iterable[Line], now: datetime) -> None:
        """Let `lines` be the whole log up to `now`."""
        log = self._log(pod, container)
        log.lines = sorted(lines, key=lambda line: line[0])
        log.written_until = now

    def set_previous(self, pod: Object, container: str, lines: Iterable[Line]) -> None:
        """Let `lines` be the log of the container's earlier, terminated run."""
        self._log(pod, container).previous = list(lines)

    def read(self, pod: Object, container: str, now: datetime) -> list[Line]:
        """Return the container's lines up to `now`."""
        log = self._log(pod, container)
        self._write(pod, log, container, now)
        oldest = now - timedelta(days=KEPT_DAYS)
        if log.lines and log.lines[0][0] < oldest:
            log.lines = [line for line in log.lines if line[0] >= oldest]
        return log.lines

    def read_previous(self, pod: Object, container: str) -> list[Line] | None:
        """Return the lines of the earlier run, or None if there was none."""
        return self._log(pod, container).previous

    def forget(self, pod: Object) -> None:
        """Drop a removed pod's logs."""
        uid = pod["metadata"]["uid"]
        for key in [key for key in self._logs if key[0] == uid]:
            del self._logs[key]

    def _log(self, pod: Object, container: str) -> _Log:
        return self._logs.setdefault((pod["metadata"]["uid"], container), _Log())

    def _write(self, pod: Object, log: _Log, container: str, now: datetime) -> None:
        """Let the pod's script write what is new; only the first container has one."""
        script = self._scripts.get((pod["metadata"]["namespace"], labels_of(pod).get("app", "")))
        started = dig(pod, "status", "startTime")
        if script is None or started is None or container != pod["spec"]["containers"][0]["name"]:
            return
        since = log.written_until or max(parse(started), now - timedelta(days=KEPT_DAYS))
        until = min(now, _finish(pod) or now)
        if until > since:
            log.written_until = until
            self.append(pod, container, script(pod, since, until))


def _finish(pod: Object) -> datetime | None:
    text = dig(pod, "status", "containerStatuses", 0, "state", "terminated", "finishedAt")
    return parse(text) + timedelta(seconds=1) if text else None
