"""What a backup tells while it runs, and which source files changed under it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from upkeep.backups.files.repository import Repository
from upkeep.backups.files.snapshots import moment
from upkeep.clients.answers import mapping, parse_json
from upkeep.errors import BadAnswer


class Progress:
    """Reads the lines of `restic backup --json`."""

    def __init__(self) -> None:
        self._done: list[Any] = []
        self._summary: dict[str, Any] = {}

    def take(self, line: str) -> bool:
        """Take a line; return whether more was done since the last."""
        message = mapping(parse_json(line, "restic backup"), "restic backup")
        if message.get("message_type") == "summary":
            self._summary = message
        # Before the first file is read, restic only counts what there is: that is progress as well.
        done = [message.get(key) for key in ("message_type", "bytes_done", "files_done", "total_files")]
        moved, self._done = done != self._done, done
        return moved

    def snapshot(self) -> str:
        """Return the snapshot's id."""
        if "snapshot_id" not in self._summary:
            raise BadAnswer("restic backup ended well and did not say which snapshot it made")
        return str(self._summary["snapshot_id"])

    def counts(self) -> dict[str, int]:
        """Return the files and bytes that were read, and the bytes that were new in the repository."""
        told = (
            ("files", "total_files_processed"), ("bytes", "total_bytes_processed"), ("stored", "data_added")
        )  # fmt: skip
        return {name: int(self._summary.get(key, 0)) for name, key in told}

    @staticmethod
    def unread(errors: str) -> list[str]:
        """Return the files that could not be read, by restic's standard error."""
        found = []
        for line in errors.splitlines():
            try:
                found.append(str(json.loads(line)["item"]))
            except (ValueError, KeyError, TypeError):
                continue
        return found or ["an unnamed file"]


def changed_since(repository: Repository, snapshot: str) -> int:
    """Return how many of a snapshot's files are not what they were when restic read them."""
    changed = 0

    def take(line: str) -> bool:
        nonlocal changed
        entry = mapping(parse_json(line, "restic ls"), "restic ls")
        if entry.get("type") == "file" and not _same(entry):
            changed += 1
        return True

    repository.call("ls", "--json", "--no-lock", snapshot, on_line=take, moves_data=True)
    return changed


def _same(entry: dict[str, Any]) -> bool:
    try:
        found = Path(entry["path"]).lstat()
    except OSError:
        return False
    written = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=found.st_mtime_ns // 1000)
    return found.st_size == int(entry.get("size", 0)) and written == moment(entry["mtime"])
