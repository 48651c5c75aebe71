"""What a fault is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.estate import Estate

Action = Callable[[Estate], None]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that can be made wrong, and right again.

    name: `<system>-<what>`, e.g. `quikapp-missing-snapshot`; a fault of the same name in another
        part (the health end point and the metrics of a service that is down) is broken and
        healed together with it.
    breaks: what it makes wrong at the source, one sentence.
    finding: which finding changes, and to what: `<routine>/<task>: <check> becomes <state>`. Instead of
        routine and task, `a check of the kind <kind>` where no daily routine has such a check. Several
        checks are joined by ` and `, several sentences by `; `.
    needs: names of the estate's parts that it acts on.
    break_, heal: both may be repeated without harm; they raise SandboxError when a part they need
        does not answer.
    """

    name: str
    system: str
    breaks: str
    finding: str
    needs: tuple[str, ...]
    break_: Action
    heal: Action
