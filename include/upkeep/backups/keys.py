"""The key that backups are sealed with before they leave the worker."""

from __future__ import annotations

from dataclasses import dataclass, field

from upkeep.errors import ConfigurationError


@dataclass(frozen=True)
class BackupKey:
    """recipient: seals (an age public key). identity: opens; only where something is restored."""

    recipient: str
    identity: str | None = field(default=None, repr=False)

    def opening(self) -> str:
        """Return the identity. Raises ConfigurationError where this installation has none."""
        if self.identity is None:
            raise ConfigurationError(
                "the backup is sealed, and the connection of the backup key has no password; "
                "write the identity there (AGE-SECRET-KEY-…) where recoveries run"
            )
        return self.identity
