"""A restic repository: commands to it, and what their failures mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from upkeep.backups.running import Ended, How, require_private, run
from upkeep.clients.answers import NotFoundError, parse_json, safe_excerpt
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError, UpkeepError

INCOMPLETE = 3
"""restic's status for a backup without some source files, which it could not read."""


class LockedError(TemporaryError):
    """Another restic works on the repository, or was killed while it did."""


_LOCKED = "repository is already locked"
_MEANINGS: tuple[tuple[str, type[UpkeepError], str], ...] = (
    ("wrong password or no key found", ConfigurationError, "the password is not this repository's"),
    (_LOCKED, LockedError, "another restic works on it; it is tried again"),
    ("no space left on device", PermanentError, "the disk is full: make room"),
    (
        # A refused HEAD has no reason in it but its status; S3 answers 400 to a token that has expired.
        "AccessDenied|Access Denied|InvalidAccessKey|SignatureDoesNotMatch|ExpiredToken|Access Key Id|"
        "Stat: 40[013]",
        ConfigurationError,
        "check the credentials and rights",
    ),
    (
        "connection refused|no such host|i/o timeout|timed out|unexpected EOF|connection reset|"
        "SlowDown|ServiceUnavailable|InternalError|network is unreachable|TLS handshake|broken pipe|"
        "readfrom tcp",
        TemporaryError,
        "it cannot be reached",
    ),
    ("unable to open config file", NotFoundError, "there is no repository: look for a wrong place or a loss"),
)
"""What an error of restic means, in the order of looking: a pattern, our error, what to tell."""


@dataclass(frozen=True)
class Repository:
    """Where a repository is and how to open it.

    location: an absolute path or restic's `s3:` URL. password_file: readable by its owner only.
    environment: AWS credentials and region. cache: restic's cache folder; None for none.
    timeout_seconds: for what moves data. answer_seconds: for what only asks. stall_seconds: how long a
    backup may move nothing.
    """

    location: str
    password_file: Path
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    cache: Path | None = None
    program: str = "restic"
    timeout_seconds: float = 6 * 3600
    answer_seconds: float = 300
    stall_seconds: float = 900

    def call(
        self,
        *words: str,
        on_line: Callable[[str], bool] | None = None,
        moves_data: bool = False,
        good: tuple[int, ...] = (0,),
    ) -> Ended:
        """Run a command of restic; the error is ours where its status is not a good one."""
        require_private(self.password_file, "restic's password")
        cache = ("--cache-dir", str(self.cache)) if self.cache else ("--no-cache",)
        how = How(
            environment={
                **self.environment,
                "RESTIC_REPOSITORY": self.location,
                "RESTIC_PASSWORD_FILE": str(self.password_file),
                "RESTIC_PROGRESS_FPS": "1",
            },
            timeout_seconds=self.timeout_seconds if moves_data else self.answer_seconds,
            stall_seconds=self.stall_seconds if on_line else None,
        )
        ended = run([self.program, *cache, *words], how, on_line)
        if ended.status not in good or _LOCKED in ended.errors:
            raise self.error(words[0], ended)
        return ended

    def alone(self, *words: str, good: tuple[int, ...] = (0,)) -> Ended:
        """Run a command that needs the repository for itself; the lock of a killed restic is taken away.

        Only locks whose process is gone, or that are older than 30 minutes, are: a working one stays.
        """
        try:
            return self.call(*words, moves_data=True, good=good)
        except LockedError:
            self.call("unlock")
            return self.call(*words, moves_data=True, good=good)

    def json(self, *words: str) -> Any:
        """Run a command and return the JSON that it answers."""
        return parse_json(self.call(*words, "--json").output or "null", f"restic {words[0]}")

    def error(self, command: str, ended: Ended) -> UpkeepError:
        """Return our error for a command that failed."""
        for pattern, kind, meaning in _MEANINGS:
            if re.search(pattern, ended.errors, re.IGNORECASE):
                return kind(f"restic {command} of {self.location}: {meaning} ({_said(ended)})")
        return PermanentError(
            f"restic {command} of {self.location} ended with {ended.status}: {_said(ended) or 'no message'}"
        )


def _said(ended: Ended) -> str:
    """Return what matters of restic's errors: the first is the cause, repeats and hints follow."""
    lines = [line for line in ended.errors.splitlines() if line.strip() and "retrying after" not in line]
    return safe_excerpt(" ".join(lines[:3]))
