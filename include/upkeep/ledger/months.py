"""Months: the partitions of the measurements, and which of them are past their retention."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

_NAME = re.compile(r"^measurements_(\d{4})_(\d{2})$")


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month in UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, at: datetime) -> Month:
        """Return the month of a time with time zone."""
        at = at.astimezone(UTC)
        return cls(at.year, at.month)

    @classmethod
    def from_partition(cls, name: str) -> Month | None:
        """Return the month of a partition's name, None where it is no partition of ours."""
        found = _NAME.match(name)
        return cls(int(found[1]), int(found[2])) if found else None

    @property
    def partition(self) -> str:
        """The name of the month's partition."""
        return f"measurements_{self.year:04}_{self.month:02}"

    @property
    def start(self) -> datetime:
        """The month's first moment."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    def plus(self, months: int) -> Month:
        """Return the month so many months later, or earlier where negative."""
        index = self.year * 12 + self.month - 1 + months
        return Month(index // 12, index % 12 + 1)


def expired(names: Iterable[str], now: datetime, keep_months: int) -> list[str]:
    """Return the partitions to drop, oldest first, so that `keep_months` whole months stay.

    The current month, begun and not whole, stays besides. Raises ValueError where nothing would be kept.
    """
    if keep_months < 1:
        raise ValueError(f"keep_months is {keep_months}; at least 1 month is kept")
    oldest_kept = Month.of(now).plus(-keep_months)
    found = ((Month.from_partition(name), name) for name in names)
    return [name for month, name in sorted((m, n) for m, n in found if m) if month < oldest_kept]
