"""What every act on RDS and Route 53 shares: errors told apart, tags, and what a step reports."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from upkeep.clients.aws.errors import aws_errors
from upkeep.errors import PermanentError, TemporaryError, UpkeepError

KIND, NAME, SOURCE, POLICY = "upkeep:kind", "upkeep:name", "upkeep:source", "upkeep:policy"
BEGUN, ENDED = "upkeep:begun-at", "upkeep:ended-at"
DATA_AS_OF, RESOURCE, HELD = "upkeep:data-as-of", "upkeep:resource", "upkeep:held"

_LATER = {
    "InvalidDBInstanceState",
    "InvalidDBInstanceStateFault",
    "InvalidDBSnapshotState",
    "InsufficientDBInstanceCapacity",
    "PriorRequestNotComplete",
}
"""What AWS answers while something else is going on; `aws_errors` cannot know that it passes."""

_NOT_IN_TAGS = re.compile(r"[^\w\s.:/=+@-]")


@contextmanager
def aws_acts(where: str) -> Iterator[None]:
    """Translate AWS's errors: a state that passes is temporary, a quota says what to do about it."""
    try:
        with aws_errors(where):
            yield
    except PermanentError as e:
        code = error_code(e)
        if code in _LATER:
            raise TemporaryError(str(e)) from e
        if "QuotaExceeded" in code:
            raise PermanentError(f"{e}; delete what is not needed or ask AWS for a higher quota") from e
        raise


def error_code(e: UpkeepError) -> str:
    """Return AWS's code of an error that was translated, empty if AWS did not answer one."""
    answered = getattr(e.__cause__, "response", None)
    return str(answered.get("Error", {}).get("Code", "")) if isinstance(answered, dict) else ""


def now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


def instant(at: datetime | None) -> str | None:
    """Return a time as ISO 8601 text in UTC, which JSON and a tag can hold."""
    return None if at is None else at.astimezone(UTC).isoformat()


def moment_of(text: str | None) -> datetime | None:
    """Return the time of a tag or a plan; None if there is none or it cannot be read."""
    try:
        at = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return at if at and at.tzinfo else None


def tag_value(text: str) -> str:
    """Return a text as a tag can hold it: AWS takes few signs, and 256 characters.

    >>> tag_value("scheduled__2026-11-21T02:00:00+00:00 #1")
    'scheduled__2026-11-21T02:00:00+00:00 _1'
    """
    return _NOT_IN_TAGS.sub("_", text)[:256]


def tag_list(tags: Mapping[str, str | None]) -> list[dict[str, str]]:
    """Return tags in AWS's form, those without a value left out."""
    return [{"Key": key, "Value": tag_value(value)} for key, value in tags.items() if value]


def tags_of(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags of an instance or a snapshot."""
    return {one["Key"]: one.get("Value", "") for one in row.get("TagList") or []}


def step(
    name: str,
    started_at: datetime | str | None,
    ended_at: datetime | None = None,
    data_as_of: datetime | str | None = None,
    **facts: Any,
) -> dict[str, Any]:
    """Return what a step reports, in values that JSON can hold: its times, and the age of the data.

    ended_at: None while it goes on. data_as_of: what was written later is lost.
    """
    times = {"started_at": started_at, "ended_at": ended_at, "data_as_of": data_as_of}
    plain = {key: instant(at) if isinstance(at, datetime) else at for key, at in times.items()}
    return {"step": name, **plain, **facts}


def refuse(where: str, problems: list[str]) -> None:
    """Raise a PermanentError that names all problems, if there are any."""
    if problems:
        raise PermanentError(f"{where}: refused, nothing was touched: " + "; ".join(problems))
