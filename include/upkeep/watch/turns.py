"""What is too heavy for every minute is looked at in turn."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from datetime import datetime

ROUND_MINUTES = 10
"""Each system is looked at once in so many minutes, a share of the systems in each."""

MOST = 10
"""Of more than a hundred systems the round takes longer: about so many are looked at in a minute."""


def turn(system_ids: Collection[str], now: datetime) -> list[str]:
    """Return the systems whose turn it is in this minute, the same in every round."""
    minutes = max(ROUND_MINUTES, len(system_ids) // MOST)
    minute = int(now.timestamp() // 60) % minutes
    return [one for one in system_ids if zlib.crc32(one.encode()) % minutes == minute]
