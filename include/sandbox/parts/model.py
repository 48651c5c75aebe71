"""What a part is, and how one of our own servers is started."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox import process
from sandbox.estate import Endpoint, PartState
from sandbox.process import Child


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a part gets to start with: the sandbox's folder and the parts it waited for."""

    folder: Path
    parts: Mapping[str, Endpoint] = field(default_factory=dict)

    def port(self, name: str) -> int | None:
        """Return the port of a part that is up, else None."""
        part = self.parts.get(name)
        return part.port if part and part.state is PartState.UP else None


@dataclass(frozen=True, kw_only=True)
class Part:
    """One process of the sandbox.

    names: the endpoints it provides. costs: what is lost without it. after: endpoints that it
        waits for, whether they come up or not.
    start: returns the endpoints; raises PartMissing or PartFailed.
    """

    names: tuple[str, ...]
    costs: str
    start: Callable[[Context], list[Endpoint]]
    after: tuple[str, ...] = ()


def endpoint(name: str, child: Child, port: int, **more: Any) -> Endpoint:
    """Describe a part that is up."""
    return Endpoint(name=name, state=PartState.UP, port=port, pid=child.pid, started=child.started, **more)


def start_server(
    context: Context, name: str, module: str, arguments: Sequence[str | Path] = ()
) -> tuple[Child, dict[str, Any]]:
    """Start one of our own servers and wait for the file in which it says where it listens.

    The module is run with `--ready FILE` after `arguments`; it writes a JSON object there once
    it accepts connections.

    Raises:
        PartFailed: it ended, or is not ready in time.

    """
    ready = context.folder / "run" / f"{name}.ready"
    ready.parent.mkdir(mode=0o700, exist_ok=True)
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", module, *arguments, "--ready", ready]
    child = process.start(context.folder, name, command, environment=import_path())
    process.wait_until(child, ready.exists, timeout_seconds=30)
    answer: dict[str, Any] = json.loads(ready.read_text())
    return child, answer


def announce(ready: Path, where: Mapping[str, Any]) -> None:
    """Write the ready file in one step (the servers' side of `start_server`)."""
    draft = ready.with_suffix(".draft")
    draft.write_text(json.dumps(where))
    draft.replace(ready)


def import_path() -> dict[str, str]:
    """Return the environment that lets a child import `sandbox` from wherever we did."""
    return {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "PYTHONUNBUFFERED": "1"}
