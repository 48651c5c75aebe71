"""What containers do when they run: how long, with what exit code, and which of them crash.

A pod's annotations say so, and the supervisor's admin paths add rules for crashes and lost images.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime

from sandbox.kubernetes.logs import Line
from sandbox.kubernetes.objects import Object, annotations_of, labels_of
from sandbox.kubernetes.selectors import label_predicate

RUN_SECONDS = "sandbox.upkeep/run-seconds"
"""Annotation: how long a container that ends runs (one with restartPolicy Never or OnFailure)."""
EXIT_CODE = "sandbox.upkeep/exit-code"
"""Annotation: what it exits with."""
LOG = "sandbox.upkeep/log"
"""Annotation: the lines that it writes when it starts."""
NEVER_READY = "sandbox.upkeep/never-ready"
"""Annotation: its readiness probe never passes."""

DEFAULT_RUN_SECONDS = 0.5
NO_SUCH_IMAGE = "does-not-exist"
"""An image with this in its name or tag cannot be pulled."""


@dataclass(frozen=True, kw_only=True)
class Crash:
    """A rule: containers of the selected pods crash on start. image: only those of that image, if given."""

    namespace: str
    selector: str
    image: str | None = None
    exit_code: int = 1
    reason: str = "Error"
    restarts: int = 5
    log: tuple[str, ...] = ()

    def lines(self, now: datetime) -> list[Line]:
        """Return the crashed run's log."""
        return [(now, text) for text in self.log]


class Behaviours:
    """The rules in force."""

    def __init__(self) -> None:
        self.crashes: dict[int, Crash] = {}
        self._lost_images: set[str] = set()
        self._ids = itertools.count(1)

    def add_crash(self, crash: Crash) -> int:
        """Put a rule in force; return its number."""
        number = next(self._ids)
        self.crashes[number] = crash
        return number

    def set_pullable(self, image: str, pullable: bool) -> None:
        """Let the registry have that image, or have it no longer."""
        if pullable:
            self._lost_images.discard(image)
        else:
            self._lost_images.add(image)

    def can_pull(self, image: str) -> bool:
        """Tell whether the registry has the image."""
        return NO_SUCH_IMAGE not in image and image not in self._lost_images

    def crash_of(self, pod: Object, container: Object) -> Crash | None:
        """Return the rule by which a container crashes, or None."""
        labels = labels_of(pod) | {"pod": pod["metadata"]["name"]}
        for crash in self.crashes.values():
            same_image = crash.image in (None, container["image"])
            if same_image and crash.namespace == pod["metadata"]["namespace"]:  # noqa: SIM102
                if label_predicate(crash.selector)(labels):
                    return crash
        return None


def run_seconds(pod: Object) -> float:
    """Return how long the pod's containers run if they end at all."""
    return float(annotations_of(pod).get(RUN_SECONDS, DEFAULT_RUN_SECONDS))


def exit_code(pod: Object) -> int:
    """Return what the pod's containers exit with."""
    return int(annotations_of(pod).get(EXIT_CODE, 0))


def start_lines(pod: Object, now: datetime) -> list[Line]:
    """Return what the pod's containers write when they start."""
    return [(now, text) for text in annotations_of(pod).get(LOG, "").splitlines()]
