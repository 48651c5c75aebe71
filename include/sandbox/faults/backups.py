"""Backups that are missing, too small, or not encrypted: really so, in RDS and S3."""

from __future__ import annotations

from sandbox.estate import Estate
from sandbox.faults.asking import ask
from sandbox.faults.model import Action, Fault

PART = "aws"
CONDITIONS = {
    "missing": ("the newest {what} is not there", "backup_age", "critical"),
    "undersized": ("the newest {what} has less than a tenth of its usual size", "backup_size", "warning"),
    "unencrypted": ("the newest {what} is not encrypted", "backup_encryption", "critical"),
}
"""What is wrong, the check that sees it, and the state of its finding."""

KINDS = (
    (
        "quikapp",
        "quikapp/database",
        "snapshot",
        "snapshot of quikapp-live",
        "daily_backups/backup_completion",
    ),
    (
        "maintenance-api",
        "maintenance-api/database",
        "backup",
        "dump of tasks_db",
        "daily_review/backup_completion",
    ),
    ("zetra", "zetra/database", "backup", "backup of the database", "daily_checks/backup_status"),
    (
        "lessay",
        "lessay/database_daily",
        "backup",
        "full backup of the database",
        "a check of the kind backup_status",
    ),
    (
        "tapio",
        "tapio/application_state",
        "backup",
        "backup of /app/data",
        "daily_automation/backup_verification",
    ),
)
"""System, policy, what its name calls it, what it is, and the task whose finding changes."""


def _set(policy: str, condition: str) -> Action:
    def act(estate: Estate) -> None:
        ask(estate, PART, "PUT", "/sandbox/backups", {"policy": policy, "condition": condition})

    return act


FAULTS: dict[str, Fault] = {
    fault.name: fault
    for system, policy, noun, what, task in KINDS
    for condition, (breaks, check, state) in CONDITIONS.items()
    for fault in (
        Fault(
            name=f"{system}-{condition}-{noun}",
            system=system,
            breaks=breaks.format(what=what),
            finding=f"{task}: {check}{{policy={policy.split('/')[1]}}} becomes {state}",
            needs=(PART,),
            break_=_set(policy, condition),
            heal=_set(policy, "sound"),
        ),
    )
}
