"""Whose backup it is, and with what to reach things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from upkeep.backups.provider import WORKER, Provider
from upkeep.catalog.models.backups import BackupPolicy
from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from upkeep.catalog.models import System
    from upkeep.checks.context import Clients


@dataclass(frozen=True)
class PolicyOf:
    """A policy of a system. provider: what the operator of the task does."""

    system_id: str
    system: System
    clients: Clients
    name: str
    policy: BackupPolicy
    provider: Provider = WORKER

    @property
    def namespace(self) -> str:
        """The workload's namespace. Raises ConfigurationError where the catalog names none."""
        if self.system.workload is None:
            raise ConfigurationError(f"backups.{self.name}: the system names no workload, so no namespace")
        return self.system.workload.namespace

    @property
    def way(self) -> Literal["aws:kms", "AES256", "age", "none"]:
        """How its objects are encrypted. Raises ConfigurationError for what only restic and pgBackRest do."""
        way = self.policy.encryption
        if way == "restic" or way == "aes-256-cbc":  # noqa: PLR1714 - mypy narrows this one
            raise ConfigurationError(
                f"backups.{self.name}: {way!r} is what restic or pgBackRest does, not for this source"
            )
        return way

    @property
    def options(self) -> dict[str, str]:
        """What S3 is told with each object."""
        way = self.policy.encryption
        return {"ServerSideEncryption": way} if way in ("aws:kms", "AES256") else {}
