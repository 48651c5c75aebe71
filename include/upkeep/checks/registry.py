"""The kinds of checks that a routine can use: name, parameters, what they read, the function behind.

A kind is generic: it serves any system and names none. `register` is the decorator of each kind's
function; importing `upkeep.checks.kinds` registers them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from upkeep.acts.model import ActKind, FormFunction, Stage
from upkeep.checks.context import Check, CheckContext
from upkeep.errors import ConfigurationError


class Reads(StrEnum):
    """What a kind needs, which decides whether a backfill may run it."""

    HISTORY = "history"
    """A query at the run's `as_of`: a backfill gives the true past."""
    PRESENT = "present"
    """What is there now: skipped in a backfill, for the present is never recorded as the past."""
    BOTH = "both"
    """Some checks of the kind read history and some the present; a backfill runs the first alone."""
    ACTS = "acts"
    """Changes a system: skipped in a backfill."""


class Parameters(BaseModel):
    """The base of every kind's parameters: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


CheckFunction = Callable[[CheckContext, "Parameters"], Iterable[Check]]
P = TypeVar("P", bound=Parameters)


@dataclass(frozen=True)
class Kind:
    """A kind of procedure.

    checks: lists the single checks for a system and its parameters; one that acts has none.
    act: the stages of one that acts.
    """

    name: str
    summary: str
    reads: Reads
    parameters: type[Parameters]
    checks: CheckFunction
    act: ActKind | None = None


_KINDS: dict[str, Kind] = {}


def register(
    name: str, *, reads: Reads, parameters: type[P]
) -> Callable[[Callable[[CheckContext, P], Iterable[Check]]], Callable[[CheckContext, P], Iterable[Check]]]:
    """Register a function as the kind `name`; its docstring's first line is the summary."""

    def decorate(
        function: Callable[[CheckContext, P], Iterable[Check]],
    ) -> Callable[[CheckContext, P], Iterable[Check]]:
        summary = (function.__doc__ or "").strip().splitlines()[0]
        _KINDS[name] = Kind(name, summary, reads, parameters, function)  # type: ignore[arg-type]
        return function

    return decorate


def register_act(
    name: str,
    summary: str,
    *,
    parameters: type[Parameters],
    stages: Sequence[Stage],
    form: FormFunction | None = None,
) -> None:
    """Register a kind that changes something."""
    _KINDS[name] = Kind(name, summary, Reads.ACTS, parameters, _no_checks, ActKind(tuple(stages), form))


def _no_checks(context: CheckContext, parameters: Parameters) -> Iterable[Check]:  # noqa: ARG001
    return ()


def kinds() -> dict[str, Kind]:
    """Return all kinds by name."""
    import upkeep.acts.kinds
    import upkeep.checks.kinds  # noqa: F401  registers them

    return dict(sorted(_KINDS.items()))


def kind(name: str) -> Kind:
    """Return the kind `name`. Raises ConfigurationError with the known names."""
    found = kinds()
    if name not in found:
        raise ConfigurationError(f"there is no kind of procedure {name!r}; one of {', '.join(found)}")
    return found[name]
