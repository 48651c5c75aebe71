"""What runs in the sandbox, and where: the supervisor writes it, everybody else reads it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from sandbox.errors import PartFailed, SandboxError

ESTATE_FILE = "estate.json"


class PartState(StrEnum):
    """How a part is doing."""

    STARTING = "starting"
    UP = "up"
    MISSING = "missing"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One part as others see it.

    why: one line for a part that is not up, or a limitation of one that is.
    costs: what is lost without the part.
    started: creation time of the process (seconds since the epoch), which tells it from a
        later process with the same pid.
    credentials_file: JSON, mode 0600, user to password; passwords are nowhere else.
    details: whatever is particular to the part; never a secret.
    """

    name: str
    state: PartState
    why: str | None = None
    costs: str | None = None
    host: str = "127.0.0.1"
    port: int | None = None
    pid: int | None = None
    started: float | None = None
    url: str | None = None
    credentials_file: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Estate:
    """The whole sandbox. `folder` is its state folder; `parts` are keyed by name."""

    folder: Path
    state: PartState
    supervisor_pid: int | None = None
    supervisor_started: float | None = None
    started_at: str | None = None
    seconds_to_start: float | None = None
    parts: Mapping[str, Endpoint] = field(default_factory=dict)

    def part(self, name: str) -> Endpoint:
        """Return a part that is up.

        Raises:
            PartFailed: it is not up; the message says why.

        """
        found = self.parts.get(name)
        if found is None or found.state is not PartState.UP:
            why = found.why if found and found.why else "it is not running"
            raise PartFailed(f"the sandbox's {name} is not available: {why}; see `upkeep sandbox status`")
        return found

    def url(self, name: str) -> str:
        """Return the base URL of a part that is up, without a trailing slash."""
        part = self.part(name)
        return part.url or f"http://{part.host}:{part.port}"

    def password(self, part: str, user: str) -> str:
        """Return the password of a user of a part."""
        file = self.parts[part].credentials_file if part in self.parts else None
        if file is None:
            raise SandboxError(f"the sandbox's {part} has no credentials")
        return str(json.loads(Path(file).read_text())[user])

    def save(self) -> None:
        """Write the estate file in one step, so that a reader never sees half of it."""
        data = asdict(self) | {"folder": str(self.folder)}
        draft = self.folder / f"{ESTATE_FILE}.{os.getpid()}"
        draft.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")
        draft.replace(self.folder / ESTATE_FILE)


def load(folder: Path) -> Estate:
    """Read the estate of a state folder.

    One that was never started is `stopped`, and so is one whose file another version has written:
    what runs is known from the records of processes.
    """
    try:
        return _read(folder, json.loads((folder / ESTATE_FILE).read_text()))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return Estate(folder=folder, state=PartState.STOPPED)


def _read(folder: Path, data: dict[str, Any]) -> Estate:
    parts = {
        name: Endpoint(**part | {"state": PartState(part["state"])}) for name, part in data["parts"].items()
    }
    return Estate(**data | {"folder": folder, "state": PartState(data["state"]), "parts": parts})
