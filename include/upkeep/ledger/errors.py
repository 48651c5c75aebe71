"""The ledger's failures, told apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from upkeep.errors import ConfigurationError, TemporaryError, excerpt

NOT_MIGRATED = {"42P01", "42703", "3F000"}
"""SQLSTATE: undefined table, undefined column, invalid schema name."""


@contextmanager
def told_apart() -> Iterator[None]:
    """Turn the driver's errors into TemporaryError, or ConfigurationError where tables are missing.

    The driver's message is quoted without SQLAlchemy's statement and parameters, which may hold evidence.
    """
    try:
        yield
    except exc.DBAPIError as e:
        state = getattr(e.orig, "sqlstate", None) or getattr(e.orig, "pgcode", None)
        said = excerpt(str(e.orig))
        if state in NOT_MIGRATED:
            raise ConfigurationError(
                f"the ledger lacks what this version needs ({said}); run `upkeep ledger migrate`"
            ) from e
        if isinstance(e, exc.OperationalError | exc.InterfaceError) or e.connection_invalidated:
            raise TemporaryError(f"the ledger does not answer: {said}; see that its database runs") from e
        raise
