"""Units: what people write (`1 %`, `500 ms`, `10 GiB`) and the base unit that numbers are kept in.

Numbers are stored, compared and computed in base units only: a share is a `ratio` (1 % = 0.01), a time
is `seconds`, a size is `bytes`. People read and write the scaled forms. `m` after a number is a
thousandth of a core, as in Kubernetes; minutes are `min`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Unit(StrEnum):
    """The base units. There is no other spelling and no other scale in the ledger or in a finding."""

    RATIO = "ratio"
    SECONDS = "seconds"
    BYTES = "bytes"
    COUNT = "count"
    CORES = "cores"
    BYTES_PER_SECOND = "bytes_per_second"
    REQUESTS_PER_SECOND = "requests_per_second"
    PER_SECOND = "per_second"
    USD = "usd"


@dataclass(frozen=True)
class Quantity:
    """A number in a base unit."""

    value: float
    unit: Unit

    def __str__(self) -> str:
        return format_quantity(self)


_BINARY = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50}
_DECIMAL = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15}
_TIMES = {"ns": "1e-9", "us": "1e-6", "µs": "1e-6", "ms": "1e-3", "s": "1", "min": "60", "h": "3600"}
_SUFFIXES: dict[str, tuple[Unit, Decimal]] = {
    "": (Unit.COUNT, Decimal(1)),
    "count": (Unit.COUNT, Decimal(1)),
    "%": (Unit.RATIO, Decimal("0.01")),
    "ratio": (Unit.RATIO, Decimal(1)),
    "core": (Unit.CORES, Decimal(1)),
    "cores": (Unit.CORES, Decimal(1)),
    "m": (Unit.CORES, Decimal("0.001")),
    "req/s": (Unit.REQUESTS_PER_SECOND, Decimal(1)),
    "/s": (Unit.PER_SECOND, Decimal(1)),
    "USD": (Unit.USD, Decimal(1)),
    "B": (Unit.BYTES, Decimal(1)),
    "B/s": (Unit.BYTES_PER_SECOND, Decimal(1)),
    "d": (Unit.SECONDS, Decimal(86_400)),
    "w": (Unit.SECONDS, Decimal(604_800)),
    **{name: (Unit.SECONDS, Decimal(scale)) for name, scale in _TIMES.items()},
    **{name: (Unit.BYTES, Decimal(scale)) for name, scale in (_BINARY | _DECIMAL).items()},
    **{name[:-1]: (Unit.BYTES, Decimal(scale)) for name, scale in _BINARY.items()},
    **{f"{name}/s": (Unit.BYTES_PER_SECOND, Decimal(scale)) for name, scale in (_BINARY | _DECIMAL).items()},
}
_EXAMPLES = {
    Unit.RATIO: "1 %",
    Unit.SECONDS: "500 ms, 5 min or 30 d",
    Unit.BYTES: "10 GiB",
    Unit.COUNT: "5",
    Unit.CORES: "0.5 cores or 500m",
    Unit.BYTES_PER_SECOND: "20 MiB/s",
    Unit.REQUESTS_PER_SECOND: "100 req/s",
    Unit.PER_SECOND: "2 /s",
    Unit.USD: "12.50 USD",
}
_LADDERS: dict[Unit, tuple[str, ...]] = {
    Unit.RATIO: ("%",),
    Unit.SECONDS: ("ns", "µs", "ms", "s", "min", "h", "d"),
    Unit.BYTES: ("B", *_BINARY),
    Unit.COUNT: ("",),
    Unit.CORES: ("cores",),
    Unit.BYTES_PER_SECOND: ("B/s", *(f"{name}/s" for name in _BINARY)),
    Unit.REQUESTS_PER_SECOND: ("req/s",),
    Unit.PER_SECOND: ("/s",),
    Unit.USD: ("USD",),
}
"""The suffixes used for writing, smallest first."""

_NUMBER = re.compile(
    r"(?P<number>[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)\s*(?P<suffix>.*)"
)


def parse_quantity(text: str, expected: Unit | None = None) -> Quantity:
    """Read `text` as a quantity in its base unit.

    Raises ValueError, saying what would be right, when the text is no quantity or its unit is not the
    `expected` one.

    >>> parse_quantity("1 %")
    Quantity(value=0.01, unit=<Unit.RATIO: 'ratio'>)
    >>> parse_quantity("5 min").value, parse_quantity("128Mi").value, parse_quantity("100m").value
    (300.0, 134217728.0, 0.1)
    """
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no quantity: a number and a unit are needed{_for_example(expected)}")
    number, suffix = Decimal(match["number"].replace(",", "")), match["suffix"].strip()
    if suffix not in _SUFFIXES:
        raise ValueError(f"{text!r}: unit {suffix!r} is not known{_hint(suffix, expected)}")
    unit, scale = _SUFFIXES[suffix]
    value = float(number * scale)
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is too large")
    if expected is not None and unit is not expected:
        raise ValueError(_mismatch(text, number, suffix, unit, expected))
    return Quantity(value, unit)


def _for_example(expected: Unit | None) -> str:
    return f", for example {_EXAMPLES[expected] if expected else '1 %, 500 ms, 10 GiB'}"


def _hint(suffix: str, expected: Unit | None) -> str:
    close = [name for name in _SUFFIXES if name and name.lower() == suffix.lower()]
    if close:
        return f", did you mean {' or '.join(repr(name) for name in close)}?"
    if expected:
        return _for_example(expected)
    return "; known are " + ", ".join(name for name in _SUFFIXES if name)


def _mismatch(text: str, number: Decimal, suffix: str, unit: Unit, expected: Unit) -> str:
    if suffix == "m" and expected is Unit.SECONDS:
        return f"{text!r} means thousandths of a core; for minutes write '{number} min'"
    if suffix == "" and expected is Unit.RATIO:
        percent = format_quantity(Quantity(float(number), Unit.RATIO))
        return f"{text!r} has no unit: write '{percent}' or '{number} %', whichever is meant"
    if suffix == "":
        return f"{text!r} has no unit: {expected} are needed{_for_example(expected)}"
    return f"{text!r} is in {unit}, but {expected} is needed{_for_example(expected)}"


def format_quantity(quantity: Quantity) -> str:
    """Write `quantity` exactly: `parse_quantity` reads the same number back.

    >>> format_quantity(Quantity(300.0, Unit.SECONDS)), format_quantity(Quantity(0.001, Unit.RATIO))
    ('5 min', '0.1 %')
    """
    exact = Decimal(repr(quantity.value))
    for suffix in reversed(_LADDERS[quantity.unit]):
        scale = _SUFFIXES[suffix][1]
        scaled = exact / scale
        if scaled == scaled.to_integral_value() and scaled * scale == exact and abs(scaled) >= 1:
            return _join(f"{scaled.to_integral_value():f}", suffix, quantity.value)
    suffix = "s" if quantity.unit is Unit.SECONDS else _LADDERS[quantity.unit][0]
    return _join(_plain(exact / _SUFFIXES[suffix][1]), suffix, quantity.value)


def format_value(value: float | None, unit: str | None, *, digits: int = 3) -> str:
    """Write a measured number as a person reads it, to about `digits` significant digits.

    No value, or one that is not finite, is "no data". A share below all or nothing is never rounded to
    100 % or 0 %. A unit outside `Unit` is written as it is.

    >>> [format_value(0.99951, "ratio"), format_value(5400, "seconds"), format_value(1.5 * 2**30, "bytes")]
    ['99.951 %', '1.5 h', '1.5 GiB']
    >>> format_value(2**30, "bytes"), format_value(2**40 - 1, "bytes")
    ('1 GiB', '1 TiB')
    >>> format_value(None, "ratio"), format_value(12345, "count"), format_value(0.1, "cores")
    ('no data', '12,345', '0.1 cores')
    """
    if value is None or not math.isfinite(value):
        return "no data"
    if unit not in _LADDERS:
        return _join(_round(value, digits), unit or "", value)
    known = Unit(unit)
    if known is Unit.RATIO:
        return _join(_round(value * 100, _share_digits(value, digits)), "%", value)
    if known is Unit.USD and math.isclose(value, round(value, 2), rel_tol=0.005):
        return _join(f"{value:,.2f}", "USD", value)
    suffix = _fitting(value, _LADDERS[known], digits)
    return _join(_round(float(Decimal(repr(value)) / _SUFFIXES[suffix][1]), digits), suffix, value)


def format_against(value: float | None, limit: float, unit: str | None) -> str:
    """Write `value` like `format_value`, with as many digits as it takes to differ from its `limit`.

    >>> format_against(0.010004, 0.01, "ratio")
    '1.0004 %'
    """
    if value is None or value == limit:
        return format_value(value, unit)
    texts = ((format_value(value, unit, digits=n), format_value(limit, unit, digits=n)) for n in range(3, 17))
    return next((text for text, of_limit in texts if text != of_limit), format_value(value, unit))


def _share_digits(ratio: float, digits: int) -> int:
    """Return the digits that keep two of what is missing to 100 %: 99.951, not 100."""
    missing = abs(1 - abs(ratio))
    if 0 < missing < 0.1:
        return max(digits, 3 - math.floor(math.log10(missing)))
    return digits


def _fitting(value: float, ladder: tuple[str, ...], digits: int) -> str:
    """Return the largest suffix of which there is at least one, rounding included: 1 MiB, not 1,024 KiB."""
    scales = {suffix: float(_SUFFIXES[suffix][1]) for suffix in ladder}
    fitting = [suffix for suffix, scale in scales.items() if float(f"{abs(value) / scale:.{digits}g}") >= 1]
    if fitting:
        return fitting[-1]
    return "s" if value == 0 and "s" in ladder else ladder[0]


def _round(value: float, digits: int) -> str:
    """Return `value` to `digits` significant digits, whole numbers in full, thousands separated."""
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e15:
        return _plain(Decimal(f"{value:.{digits}g}"))
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


def _plain(number: Decimal) -> str:
    """Return a decimal without needless zeros; an exponent only where it is shorter to read."""
    normal = number.normalize()
    return f"{normal:f}" if -10 < normal.adjusted() < 20 else f"{normal:e}"


def _join(number: str, suffix: str, value: float) -> str:
    if suffix == "cores" and value == 1:
        suffix = "core"
    return f"{number} {suffix}" if suffix else number
