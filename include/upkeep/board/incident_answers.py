"""What a person may answer on an incident's page or by REST, from the fields that were sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException, status

from upkeep.errors import ConfigurationError, PermanentError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from upkeep.ledger.answers import Answer
    from upkeep.ledger.incident_tables import Incident

SNOOZE_MINUTES = (15, 30, 60, 120, 240, 480, 1440)
"""The choices of the form; REST takes any whole number up to the longest."""

LONGEST_REMARK = 4_000
"""Characters of a remark: what is longer belongs into a document that the remark links to."""

SAME_HAND_OVER = timedelta(minutes=1)
"""The same hand-over by the same person within this time is the same one, sent twice."""

CHANGES = {"acknowledged", "resolved", "handed_over", "snoozed", "reopened"}
"""The kinds of history that are answers, remarks left aside."""


@dataclass(frozen=True)
class Asked:
    """An answer to an incident, and the fields that came with it."""

    engine: Engine
    incident: Incident
    answer: Answer
    fields: Mapping[str, Any]


def give(name: str, asked: Asked) -> Incident:
    """Give an answer and return the incident as it then is.

    Refuses with 404 an answer that does not exist, with 400 fields that make no sense, with 409 what the
    incident's state does not allow. Raises TemporaryError and ConfigurationError where the ledger fails.
    """
    if name not in _ANSWERS:
        raise HTTPException(
            status.HTTP_404_NOT_FOUND,
            f"there is no answer {name[:100]!r}; there are {', '.join(_ANSWERS)}",
        )
    try:
        return _ANSWERS[name](asked)
    except ConfigurationError:
        raise
    except PermanentError as e:
        raise HTTPException(status.HTTP_409_CONFLICT, str(e)) from e


def remark(fields: Mapping[str, Any]) -> str | None:
    """Return the remark among the fields, None where there is none. Refuses with 400 one that is too long."""
    text = fields.get("text")
    if text is None or (isinstance(text, str) and not text.strip()):
        return None
    if not isinstance(text, str) or len(text) > LONGEST_REMARK:
        raise _senseless(f"`text` is text of at most {LONGEST_REMARK} characters")
    return text.replace("\x00", "").strip()


def _acknowledge(asked: Asked) -> Incident:
    from upkeep.ledger import answers

    return answers.acknowledge(asked.engine, asked.incident.id, asked.answer)


def _resolve(asked: Asked) -> Incident:
    from upkeep.ledger import answers

    return answers.resolve(asked.engine, asked.incident.id, asked.answer)


def _reopen(asked: Asked) -> Incident:
    from upkeep.ledger import answers

    return answers.reopen(asked.engine, asked.incident.id, asked.answer)


def _comment(asked: Asked) -> Incident:
    from upkeep.ledger import answers

    if asked.answer.text is None:
        raise _senseless("a comment needs `text`")
    return answers.comment(asked.engine, asked.incident.id, asked.answer)


def _hand_over(asked: Asked) -> Incident:
    from upkeep.ledger import answers

    level = _whole_number(asked, "level", len(asked.incident.chain["levels"])) - 1
    if asked.incident.resolved_at is None and _handed_over_just_now(asked, level):
        return asked.incident
    return answers.hand_over(asked.engine, asked.incident.id, asked.answer, level)


def _snooze(asked: Asked) -> Incident:
    from upkeep.ledger import answers

    minutes = timedelta(minutes=_whole_number(asked, "minutes", max(SNOOZE_MINUTES)))
    at = asked.answer.at
    # To the whole minute, so that the same answer sent twice is one; never longer than was asked for.
    until = (at + minutes).replace(second=0, microsecond=0)
    return answers.snooze(asked.engine, asked.incident.id, asked.answer, until)


_ANSWERS: Mapping[str, Callable[[Asked], Incident]] = {
    "acknowledge": _acknowledge,
    "resolve": _resolve,
    "hand-over": _hand_over,
    "snooze": _snooze,
    "comment": _comment,
    "reopen": _reopen,
}


def _handed_over_just_now(asked: Asked, level: int) -> bool:
    from upkeep.ledger import incident_reads

    lines = incident_reads.history(asked.engine, asked.incident.id)
    last = next((line for line in reversed(lines) if line.kind in CHANGES), None)
    return (
        last is not None
        and (last.kind, last.who, (last.facts or {}).get("level")) == ("handed_over", asked.answer.who, level)
        and asked.answer.at - last.at <= SAME_HAND_OVER
    )


def _whole_number(asked: Asked, name: str, most: int) -> int:
    given = asked.fields.get(name)
    digits = str(given) if isinstance(given, str | int) and not isinstance(given, bool) else ""
    # Few digits: a number as long as the body would take long to read.
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 10 and 1 <= int(digits) <= most):
        raise _senseless(f"`{name}` is a whole number from 1 to {most}")
    return int(digits)


def _senseless(why: str) -> HTTPException:
    return HTTPException(status.HTTP_400_BAD_REQUEST, why)
