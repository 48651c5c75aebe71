"""Kubernetes quantities: `250m` CPU, `2Gi` memory."""

from __future__ import annotations

import re
from decimal import Decimal

_PATTERN = re.compile(r"([+-]?[0-9]*\.?[0-9]+)(?:([eE][+-]?[0-9]+)|([numkMGTPE]|[KMGTPE]i)?)")
_FACTORS = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}


def parse_quantity(text: str | int | float) -> float:
    """Return a quantity in its base unit (cores, bytes); raise ValueError if it is none.

    >>> parse_quantity("250m"), parse_quantity("1Ki"), parse_quantity("1e3")
    (0.25, 1024.0, 1000.0)
    """
    match = _PATTERN.fullmatch(str(text))
    if not match:
        raise ValueError(f"{text!r} is not a quantity")
    number, exponent, suffix = match.groups()
    if exponent:
        return float(Decimal(number + exponent))
    return float(Decimal(number) * _FACTORS[suffix or ""])


def cpu_text(cores: float) -> str:
    """Return CPU use as the metrics server writes it, in nanocores.

    >>> cpu_text(0.25)
    '250000000n'
    """
    return f"{round(cores * 1e9)}n"


def memory_text(size_bytes: float) -> str:
    """Return memory use as the metrics server writes it, in kibibytes.

    >>> memory_text(2048)
    '2Ki'
    """
    return f"{round(size_bytes / 1024)}Ki"
