"""pgBackRest's commands for one stanza, what it knows, and what its failures mean."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from upkeep.backups.physical.segments import (
    SEGMENT_BYTES,
    Fork,
    Segment,
    history_timeline,
    parse_segment,
    read_history,
)
from upkeep.backups.physical.windows import Archive
from upkeep.backups.running import Ended, How, require_private, run
from upkeep.clients.answers import NotFoundError, mapping, require, safe_excerpt
from upkeep.errors import BadAnswer, ConfigurationError, PermanentError, TemporaryError, UpkeepError

_MEANINGS: tuple[tuple[str, type[UpkeepError], str], ...] = (
    ("No space left on device|unable to (write|close|sync) |FileWriteError", PermanentError,
     "the disk is full or broken: make room"),
    ("unable to acquire lock", TemporaryError, "another pgBackRest works on it; it is tried again"),
    ("key/value found outside of section|cipher", ConfigurationError,
     "is this the repository's pass phrase?"),
    (r"\[(FileMissing|PathMissing)Error\]|missing stanza|unable to open missing file", NotFoundError,
     "there is no such repository or stanza: look for a wrong place or a loss"),
    ("DbConnectError|unable to find primary|HostConnect|HostNameResolve|timed? ?out|"
     "unable to connect|archive-timeout|WAL segment .* was not archived",
     TemporaryError, "the server or the repository cannot be reached"),
    ("Permission denied|AccessDenied|SignatureDoesNotMatch|InvalidAccessKey|ExpiredToken",
     ConfigurationError, "check the rights of the user and the credentials"),
)  # fmt: skip
"""What an error of pgBackRest means, in the order of looking."""


@dataclass(frozen=True, kw_only=True)
class Stanza:
    """A stanza and how to work on it.

    config: pgBackRest's configuration with the repository and the pass phrase, readable by its owner only.
    programs: the folder of PostgreSQL's programs. user: who runs all this, normally `postgres`; None for
    ourselves. timeout_seconds: for what moves data. answer_seconds: for what only asks.
    """

    config: Path
    name: str
    programs: Path
    user: str | None = None
    program: str = "pgbackrest"
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_seconds: float = 12 * 3600
    answer_seconds: float = 120
    segment_bytes: int = SEGMENT_BYTES

    def call(self, *words: str, moves_data: bool = False, good: tuple[int, ...] = (0,)) -> Ended:
        """Run a command of pgBackRest; the error is ours where its status is not a good one."""
        require_private(self.config, "the secrets of pgBackRest's repository")
        how = How(
            environment=self.environment,
            user=self.user,
            timeout_seconds=self.timeout_seconds if moves_data else self.answer_seconds,
        )
        common = (f"--config={self.config}", f"--stanza={self.name}", "--log-level-stderr=warn")
        ended = run([self.program, *common, *words], how)
        if ended.status not in good:
            raise self._error(words[0], ended.errors, ended.status)
        return ended

    def tool(self, name: str, *words: str, timeout_seconds: float | None = None) -> Ended:
        """Run one of PostgreSQL's own programs, whatever its status."""
        seconds = timeout_seconds or self.answer_seconds
        return run([self.programs / name, *words], How(user=self.user, timeout_seconds=seconds))

    def info(self) -> dict[str, Any]:
        """Return what pgBackRest knows of the stanza.

        Raises:
            NotFoundError: there is no such stanza or repository.
            ConfigurationError: the repository cannot be decrypted.

        """
        where = f"pgbackrest info of {self.name}"
        answer = require(_json(self.call("info", "--output=json"), where), list, where)
        if not answer:
            raise NotFoundError(f"{where}: there is no such stanza: look at {self.config}")
        found = mapping(answer[0], where)
        status = mapping(found.get("status"), where)
        # 0 is well, 2 is a stanza without a backup yet; the others are told like errors of a command.
        if status.get("code") not in {0, 2}:
            told = [str(one["status"]["message"]) for one in found.get("repo", ())]
            raise self._error("info", " ".join([*told, str(status.get("message"))]), 0)
        return found

    def archive(self) -> Archive:
        """Return what is in the WAL archive, of the server as it is now (not before an upgrade)."""
        folder = f"archive/{self.name}"
        found = mapping(_json(self.call("repo-ls", "--recurse", "--output=json", folder), folder), folder)
        ids = sorted({path.partition("/")[0] for path in found if "/" in path}, key=_database_id)
        current = f"{ids[-1]}/" if ids else "/"
        names = {path.rpartition("/")[2]: path for path in found if path.startswith(current)}
        segments = {parse_segment(name.partition("-")[0], self.segment_bytes) for name in names}
        later = {number: names[name] for name in names if (number := history_timeline(name))}
        histories = {number: self._history(f"{folder}/{path}") for number, path in later.items()}
        return Archive(frozenset(one for one in segments if one), histories, self.segment_bytes)

    def fetch(self, segment: Segment, folder: Path) -> Path | None:
        """Copy a segment out of the archive into a folder; None if it is not there."""
        path = folder / segment.name(self.segment_bytes)
        ended = self.call("archive-get", path.name, str(path), moves_data=True, good=(0, 1))
        return path if ended.status == 0 else None

    def _history(self, path: str) -> tuple[Fork, ...]:
        return read_history(self.call("repo-get", path).output)

    def _error(self, command: str, errors: str, status: int) -> UpkeepError:
        said = _said(errors)
        for pattern, kind, meaning in _MEANINGS:
            if re.search(pattern, errors, re.IGNORECASE):
                return kind(f"pgbackrest {command} of {self.name}: {meaning} ({said})")
        return PermanentError(
            f"pgbackrest {command} of {self.name} ended with {status}: {said or 'no message'}"
        )


def _json(ended: Ended, where: str) -> Any:
    """Return what a command answered; pgBackRest quotes bytes of a file that it cannot read as they are."""
    try:
        return json.loads(ended.output, strict=False)
    except ValueError as e:
        raise BadAnswer(f"{where}: the answer is not JSON: {safe_excerpt(ended.output)!r}") from e


def _database_id(text: str) -> int:
    """Return which of the stanza's databases `15-1` is: the number grows with each upgrade."""
    number = text.rpartition("-")[2]
    return int(number) if number.isdigit() else 0


def _said(errors: str) -> str:
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    wrong = [i for i, line in enumerate(lines) if line.startswith("ERROR")]
    readable = " ".join(lines[wrong[0] :][:2] if wrong else lines[-2:])
    return safe_excerpt("".join(sign for sign in readable if sign.isprintable()))
