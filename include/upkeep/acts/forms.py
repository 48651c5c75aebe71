"""What people write into a form, read strictly."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from upkeep.acts.model import Act
from upkeep.errors import ConfigurationError, UpkeepError


class ChooseFirst(UpkeepError):
    """The form leaves open what only a person can choose; `choices` says what there is."""

    def __init__(self, what: str, choices: Sequence[str]) -> None:
        super().__init__(what)
        self.choices = list(choices)


def moment_in(act: Act, field: str) -> datetime | None:
    """Return the time in a field of the form, None where it is empty. Raises ConfigurationError."""
    text = act.form.get(field)
    if not text:
        return None
    example = "write one such as 2026-01-31T09:00:00+00:00"
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as e:
        raise ConfigurationError(f"{field} {text!r} is no time; {example}") from e
    if moment.tzinfo is None:
        raise ConfigurationError(f"{field} {text!r} has no time zone; {example}")
    return moment
