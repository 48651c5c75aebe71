"""Kubernetes quantities: `500m`, `2Gi`, `1e3`, `100n`."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from upkeep.clients.answers import safe_excerpt
from upkeep.errors import BadAnswer

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d{1,3})|([KMGTPE]i|[numkMGTPE]))?", re.ASCII)

_FACTORS = {
    **{suffix: Decimal(10) ** power for suffix, power in zip("num", (-9, -6, -3), strict=True)},
    **{suffix: Decimal(10) ** (3 * power) for power, suffix in enumerate("kMGTPE", start=1)},
    **{suffix + "i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}


def quantity(value: Any) -> float:
    """Return the number that a quantity stands for: cores, bytes or a count.

    Raises BadAnswer if it is no quantity.

    >>> quantity("500m"), quantity("2Gi"), quantity("1e3"), quantity("100n"), quantity(3)
    (0.5, 2147483648.0, 1000.0, 1e-07, 3.0)
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    found = _QUANTITY.fullmatch(value) if isinstance(value, str) and len(value) <= 64 else None
    if found is None:
        raise BadAnswer(f"not a Kubernetes quantity: {safe_excerpt(repr(value))}")
    number, exponent, suffix = found.groups()
    return float(Decimal(number + (exponent or "")) * _FACTORS.get(suffix or "", Decimal(1)))
