"""Containers that really run: of an image whose program the supervisor or a test has named."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from sandbox.kubernetes.objects import Object


@dataclass
class _Running:
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    asked_to_end: bool = False


class Programs:
    """The programs of images, and the processes of pods. A pod has one container that runs so."""

    def __init__(self) -> None:
        self._commands: dict[str, list[str]] = {}
        self._running: dict[str, _Running] = {}

    def set(self, image: str, command: Sequence[str]) -> None:
        """Let containers of an image run `command` with their own arguments; nothing: they only seem to."""
        if command:
            self._commands[image] = list(command)
        else:
            self._commands.pop(image, None)

    def start(self, pod: Object, environment: dict[str, str]) -> None:
        """Start the pod's container, if its image has a program. environment: besides PATH and HOME."""
        container = pod["spec"]["containers"][0]
        command = self._commands.get(container["image"])
        if command is None:
            return
        output = tempfile.TemporaryFile()  # noqa: SIM115  closed when the pod is forgotten
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        process = subprocess.Popen(
            [*command, *container.get("args", ())],
            env={**inherited, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._running[pod["metadata"]["uid"]] = _Running(process, output)

    def runs(self, pod: Object) -> bool:
        """Tell whether the pod has a process, also one that has ended."""
        return pod["metadata"]["uid"] in self._running

    def ended(self, pod: Object) -> int | None:
        """Return what the pod's process exited with, as a container says it; None while it runs."""
        code = self._running[pod["metadata"]["uid"]].process.poll()
        return 128 - code if code is not None and code < 0 else code

    def output(self, pod: Object) -> list[str]:
        """Return what the pod's process has written so far."""
        output = self._running[pod["metadata"]["uid"]].output
        return os.pread(output.fileno(), 2**20, 0).decode(errors="replace").splitlines()

    def at_work(self, pod: Object) -> bool:
        """Tell whether the pod has a process that has not ended."""
        return self.runs(pod) and self.ended(pod) is None

    def stop(self, pod: Object, *, now: bool = False) -> None:
        """Ask the pod's process to end, once; now: end it with all that it started."""
        running = self._running[pod["metadata"]["uid"]]
        if now:
            _kill(running)
        elif not running.asked_to_end:
            running.process.terminate()
            running.asked_to_end = True

    def forget(self, pod: Object) -> None:
        """End a removed pod's process, and drop what it wrote."""
        if self.runs(pod):
            gone = self._running.pop(pod["metadata"]["uid"])
            _kill(gone)
            gone.output.close()

    def close(self) -> None:
        """End all processes."""
        for running in self._running.values():
            _kill(running)


def _kill(running: _Running) -> None:
    if running.process.poll() is None:
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()


def decoded(secret: Object) -> dict[str, str]:
    """Return a secret's entries."""
    return {name: base64.b64decode(value).decode() for name, value in (secret.get("data") or {}).items()}
