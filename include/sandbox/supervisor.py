"""The one process that starts the parts, watches them, and stops them when it is asked to end.

It restarts nothing: a part that died is what the findings are about. It writes `estate.json`.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

from sandbox import certificates, process
from sandbox.errors import PartMissing, SandboxError
from sandbox.estate import Endpoint, Estate, PartState, load
from sandbox.parts.model import Context, Part
from sandbox.process import Child

log = logging.getLogger(__name__)

SUPERVISOR = "supervisor"
WATCH_SECONDS = 1.0


class Supervisor:
    """Starts, watches and stops the parts of one folder."""

    def __init__(self, folder: Path, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._settled = {name: threading.Event() for part in parts for name in part.names}
        before = load(folder).parts
        starting = {
            # The port of last time stays known: the part asks for it again.
            name: Endpoint(
                name=name,
                state=PartState.STARTING,
                costs=part.costs,
                port=before[name].port if name in before else None,
            )
            for part in parts
            for name in part.names
        }
        self.stopping = threading.Event()
        self.estate = Estate(
            folder=folder,
            state=PartState.STARTING,
            supervisor_pid=os.getpid(),
            supervisor_started=psutil.Process().create_time(),
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            parts=starting,
        )

    def run(self) -> None:
        """Start everything, watch it until asked to stop, stop everything."""
        began = time.monotonic()
        self.estate.save()
        certificates.prepare(self.estate.folder)
        threads = [threading.Thread(target=self._start, args=(part,), daemon=True) for part in self._parts]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads) and not self.stopping.wait(0.05):
            pass
        if not self.stopping.is_set():
            self._change(state=PartState.UP, seconds_to_start=round(time.monotonic() - began, 2))
        while not self.stopping.wait(WATCH_SECONDS):
            self._watch()
        self._stop(threads)

    def _start(self, part: Part) -> None:
        """Start one part once those before it have settled; record what came of it."""
        for name in part.after:
            self._settled[name].wait()
        if not self.stopping.is_set():
            self._record(self._endpoints(part))
        for name in part.names:
            self._settled[name].set()

    def _endpoints(self, part: Part) -> list[Endpoint]:
        try:
            return part.start(Context(folder=self.estate.folder, parts=self.estate.parts))
        except PartMissing as e:
            state, why = PartState.MISSING, str(e)
        except SandboxError as e:
            state, why = PartState.FAILED, str(e)
        except Exception as e:  # a part must not take the others with it
            log.exception("%s did not start", part.names[0])
            state, why = PartState.FAILED, f"{type(e).__name__}: {e}".splitlines()[0][:300]
        return [Endpoint(name=name, state=state, why=why, costs=part.costs) for name in part.names]

    def _watch(self) -> None:
        """Record every part whose process has ended."""
        gone = [
            part
            for part in self.estate.parts.values()
            if part.state is PartState.UP and process.find(part.pid, part.started) is None
        ]
        children = {child.pid: child for child in process.recorded(self.estate.folder)}
        why = {part.name: _last_words(children.get(part.pid or 0)) for part in gone}
        costs = {name: part.costs for part in self._parts for name in part.names}
        if gone:
            self._record(
                [
                    replace(part, state=PartState.FAILED, why=why[part.name], costs=costs[part.name])
                    for part in gone
                ]
            )

    def _stop(self, threads: Iterable[threading.Thread]) -> None:
        folder = self.estate.folder
        stop_children(folder)
        for thread in threads:
            thread.join(timeout=35)  # a part that was still starting notices that its process is gone
        stop_children(folder)
        stopped = {
            name: replace(part, state=PartState.STOPPED, pid=None, started=None)
            for name, part in self.estate.parts.items()
        }
        self._change(state=PartState.STOPPED, supervisor_pid=None, supervisor_started=None, parts=stopped)

    def _record(self, found: Sequence[Endpoint]) -> None:
        with self._lock:
            parts = {**self.estate.parts, **{part.name: part for part in found}}
            self.estate = replace(self.estate, parts=parts)
            self.estate.save()
        for part in found:
            log.info("%s: %s%s", part.name, part.state, f" ({part.why})" if part.why else "")

    def _change(self, **what: object) -> None:
        with self._lock:
            self.estate = replace(self.estate, **what)  # type: ignore[arg-type]
            self.estate.save()


def stop_children(folder: Path) -> list[str]:
    """Stop every recorded process but the supervisor, at once; return the names of those that ran."""
    children = [child for child in process.recorded(folder) if child.name != SUPERVISOR]
    if not children:
        return []
    with ThreadPoolExecutor(len(children)) as pool:
        ran = list(pool.map(lambda child: process.stop(folder, child), children))
    return [child.name for child, was_running in zip(children, ran, strict=True) if was_running]


def _last_words(child: Child | None) -> str:
    return f"it ended by itself: {process.last_line(child)}" if child else "it ended by itself"


def main() -> None:
    """Run the supervisor of a folder."""
    from sandbox.parts.every import PARTS

    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    logging.basicConfig(format="%(asctime)s %(message)s")
    log.setLevel(logging.INFO)
    supervisor = Supervisor(parser.parse_args().folder, PARTS)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stopping.set())
    supervisor.run()


if __name__ == "__main__":
    main()
