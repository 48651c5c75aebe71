"""What every entry of the catalog shares: strictness, and the types of its small values."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable
from typing import Annotated

from croniter import CroniterBadDateError, croniter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo

from upkeep.findings.units import parse_quantity

COMPILED = "compiled"
"""The context of a validation whose values this version has compiled: what they say is known to be proper."""


class Entry(BaseModel):
    """An entry of the catalog: unknown keys are refused, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def _proper(check: Callable[[str], object]) -> AfterValidator:
    """Return a validator by a check that raises ValueError.

    Every task reads its system again: half of that time went into expressions that had been parsed before.
    """

    def validate(text: str, info: ValidationInfo) -> str:
        if info.context != COMPILED:
            check(text)
        return text

    return AfterValidator(validate)


def _cron(text: str) -> None:
    # croniter also accepts R, another random time at every reading.
    random = re.search(r"\br\b", text, re.IGNORECASE)
    if len(text.split()) != 5 or random or not croniter.is_valid(text):
        raise ValueError(
            f"{text!r} is no cron expression; write five fields: minute hour day month weekday, "
            "such as '0 9 * * *' for 09:00 every day"
        )
    try:
        croniter(text).get_next()
    except CroniterBadDateError as e:
        raise ValueError(f"{text!r} is never due; write a day that its months have") from e


def _time_zone(name: str) -> None:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as e:
        raise ValueError(f"there is no time zone {name!r}; write an IANA name such as Europe/Berlin") from e


def _promql(expression: str) -> None:
    import promql_parser

    try:
        promql_parser.parse(expression)
    except ValueError as e:
        raise ValueError(f"this is not PromQL: {e}") from e


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
"""The name of an entry: lower case, digits and underscores."""

ProcedureId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+/[a-z0-9-]+/[a-z0-9-]+$")]
"""`system/cadence or topic/procedure`, as in the operations guides' index."""

ConnectionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$")]
"""The id of an Airflow connection; the catalog never holds what is in it."""

Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
Cron = Annotated[str, _proper(_cron)]
"""Five fields: minute hour day month weekday."""

TimeZone = Annotated[str, _proper(_time_zone)]
"""An IANA time zone, such as UTC or Europe/Berlin."""

QuantityText = Annotated[str, _proper(parse_quantity)]
"""A number with its unit: `1 %`, `500 ms`, `10 GiB`, `30 d`."""

Promql = Annotated[str, _proper(_promql)]
Ratio = Annotated[float, Field(ge=0, le=1)]
"""A share from 0 to 1."""
