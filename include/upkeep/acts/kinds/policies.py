"""What the stages that work on a backup policy share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from upkeep.acts.model import Act
from upkeep.backups.methods import Making, making
from upkeep.catalog.models import System
from upkeep.catalog.models.backups import BackupPolicy, PartsSource, RdsSnapshots
from upkeep.checks.registry import Parameters
from upkeep.findings import Finding, State


class BackupParameters(Parameters):
    """Which backup."""

    policy: str
    """The name of one of the system's backup policies."""


def name_of(act: Act, parameters: BackupParameters) -> str:
    """Return the name of the copy that this run makes: its time is chosen once."""
    return f"{parameters.policy}-{act.label}".replace("_", "-")


def way_of(act: Act, parameters: BackupParameters) -> Making:
    """Return the policy with its method. Raises ConfigurationError where the catalog does not say enough."""
    return making(act.system_id, act.system, act.clients, parameters.policy, act.provider)


def policies_of(system: System, parameters: BackupParameters) -> list[BackupPolicy]:
    """Return the policy, or those of its parts; none where the catalog does not know it."""
    policy = system.backups.get(parameters.policy)
    names = (
        policy.source.policies if policy and isinstance(policy.source, PartsSource) else [parameters.policy]
    )
    return [system.backups[name] for name in names if name in system.backups]


def is_snapshot(policy: BackupPolicy) -> bool:
    """Return whether a policy's copies are snapshots of RDS."""
    return isinstance(policy.location, RdsSnapshots)


def finding_of(act: Act, check: str, state: State, said: str, evidence: Mapping[str, Any]) -> Finding:
    """Return what one question about the policy was answered with."""
    return Finding(
        check=check, state=state, summary=said, source="backup", observed_at=act.now, evidence=evidence
    )


def check_of(question: str, parameters: BackupParameters) -> str:
    """Return the name of the check that asks a question about the policy."""
    return f"backup_{question}{{policy={parameters.policy}}}"
