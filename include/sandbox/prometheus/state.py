"""What is wrong in the sandbox's metrics right now, and since when: one small file that faults write."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

STATE_FILE = "state.json"


@dataclass(frozen=True)
class State:
    """The faults of the metrics.

    anchor: midnight (UTC, seconds since the epoch) of the day the history was built for.
    active: fault → since when. healed: fault, from, until; what a counter gained then, it keeps.
    """

    anchor: float
    active: Mapping[str, float] = field(default_factory=dict)
    healed: Sequence[tuple[str, float, float]] = ()

    def periods(self) -> Iterator[tuple[str, float, float | None]]:
        """Return every fault with its start and its end, if it has ended."""
        yield from ((fault, start, None) for fault, start in self.active.items())
        yield from ((fault, start, end) for fault, start, end in self.healed)

    def broken(self, fault: str, now: float) -> State:
        """Return the state with the fault active; one that already is stays as it was."""
        if fault in self.active:
            return self
        return replace(self, active={**self.active, fault: now})

    def mended(self, fault: str, now: float) -> State:
        """Return the state without the fault."""
        if fault not in self.active:
            return self
        rest = {name: start for name, start in self.active.items() if name != fault}
        return replace(self, active=rest, healed=(*self.healed, (fault, self.active[fault], now)))

    def save(self, file: Path) -> None:
        """Write the file in one step, so that the exporter never reads half of it."""
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        draft.write_text(json.dumps(asdict(self), indent=1, sort_keys=True) + "\n")
        draft.replace(file)


def load(file: Path) -> State:
    """Read the state. Raises OSError or ValueError if there is none that can be read."""
    data = json.loads(file.read_text())
    healed = tuple((str(f), float(s), float(e)) for f, s, e in data["healed"])
    return State(float(data["anchor"]), dict(data["active"]), healed)


def change(file: Path, by: Callable[[State], State]) -> State:
    """Change the state and return what it was; two that do so at once wait for each other."""
    with file.with_name(f"{file.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = load(file)
        by(before).save(file)
    return before
