"""The plan of a change: what will happen, to what; its digest is what people approve."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Plan:
    """What a run is about to do.

    title: one line. steps: what will happen, in order, a sentence each. target: what is changed or made.
    destructive: whether something that is in use is replaced or taken away: that needs approval.
    facts: everything that the decision rests on, plain values; a change of any of them is another plan.
    notes: what helps to decide and may change without making it another plan, such as how long it took
    last time.
    """

    title: str
    target: str
    steps: Sequence[str]
    destructive: bool
    approvals: int = 1
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def digest(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of all but the notes."""
        decided = {key: value for key, value in asdict(self).items() if key != "notes"}
        text = json.dumps(decided, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def carried(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        return {**asdict(self), "steps": list(self.steps), "notes": list(self.notes), "digest": self.digest}

    def markdown(self) -> str:
        """Return the plan as people read it before they approve."""
        lines = [f"**{self.title}**", "", f"Target: `{self.target}`", ""]
        lines += [f"{number}. {step}" for number, step in enumerate(self.steps, start=1)]
        lines += ["", *(f"- {note}" for note in self.notes), "", f"Plan `{self.digest}`"]
        return "\n".join(lines)


def plan_from(carried: Mapping[str, Any]) -> Plan:
    """Return the plan that an earlier stage carried."""
    known = {name: carried[name] for name in Plan.__dataclass_fields__ if name in carried}
    return Plan(**known)
