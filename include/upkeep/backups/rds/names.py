"""Identifiers that RDS accepts, made from the names that a policy gives."""

from __future__ import annotations

import hashlib
import re

from upkeep.errors import ConfigurationError

LONGEST_SNAPSHOT = 255
LONGEST_INSTANCE = 63

_VALID = re.compile(r"[a-z](-?[a-z0-9])*", re.IGNORECASE | re.ASCII)
_HASH_LENGTH = 10


def snapshot_id(prefix: str, name: str) -> str:
    """Return the identifier of the snapshot that has this name: the same for the same, valid for any.

    >>> snapshot_id("shop-db", "20261121T020000Z-ab12")
    'shop-db-20261121t020000z-ab12'
    """
    return _identifier(f"{prefix}-{name}", LONGEST_SNAPSHOT)


def instance_id(prefix: str, name: str) -> str:
    """Return the identifier of the instance that is restored under this name.

    >>> instance_id("shop-db", "restore test")
    'shop-db-restore-test-b8b49059d2'
    """
    return _identifier(f"{prefix}-{name}", LONGEST_INSTANCE)


def is_valid(identifier: str, longest: int) -> bool:
    """Return whether RDS accepts it: letters, digits and single hyphens, a letter first, no hyphen last.

    >>> is_valid("shop-db-2", 63), is_valid("shop--db", 63), is_valid("2shop", 63)
    (True, False, False)
    """
    return len(identifier) <= longest and _VALID.fullmatch(identifier) is not None


def _identifier(wanted: str, longest: int) -> str:
    """Return `wanted` made valid; what loses a sign by that gets a hash, so that two names stay two."""
    if not wanted[:1].isascii() or not wanted[:1].isalpha():
        raise ConfigurationError(
            f"{wanted!r}: an identifier of RDS begins with a letter; give a prefix that does"
        )
    lower = wanted.lower()
    if is_valid(lower, longest):
        return lower
    plain = re.sub(r"[^a-z0-9]+", "-", lower).strip("-")
    mark = hashlib.sha256(wanted.encode()).hexdigest()[:_HASH_LENGTH]
    return plain[: longest - _HASH_LENGTH - 1].rstrip("-") + "-" + mark
