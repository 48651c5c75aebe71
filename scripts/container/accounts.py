#!/opt/venv/bin/python
"""Makes the roles and accounts of a real installation in Airflow's FAB auth manager. Safe to repeat.

One process, because each `airflow users …` or `airflow roles …` starts for five seconds; and by the security
manager, because those commands know a DAG's own rights only once the DAG has been parsed.
"""

from __future__ import annotations

import os

ESCALATION = "DAG:upkeep_escalation"
ROLES = {
    # The suite's own account: it makes pools, reads all DAGs, runs and tasks to see what is late or lost,
    # wakes the escalation, and deletes the old runs of its own DAGs.
    "Upkeep": [
        *(("can_read", name) for name in ("Pools", "DAGs", "DAG Runs", "Task Instances")),
        ("can_create", "Pools"),
        ("can_create", "DAG Runs"),
        ("can_delete", "DAG Runs"),
        *(("can_edit", name) for name in (ESCALATION, "DAG:upkeep_watchdog", "DAG:upkeep_cleanup")),
    ],
    # For Alertmanager's webhook, where there is one: `airflow users create --role Alertmanager …`.
    "Alertmanager": [("can_edit", "DAG Runs"), ("can_edit", ESCALATION)],
}


def main() -> None:
    """Add what is missing; an administrator that exists already is left alone, password and all."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as builder:
        manager = builder.sm
        manager.bulk_sync_roles([{"role": role, "perms": rights} for role, rights in ROLES.items()])
        if manager.find_user("admin") is None:
            admin = manager.find_role("Admin")
            email, password = os.environ["UPKEEP_ADMIN_EMAIL"], os.environ["UPKEEP_ADMIN_PASSWORD"]
            manager.add_user("admin", "Upkeep", "Administrator", email, admin, password)
        # Its password is always the one of the environment, by which the services sign in.
        password = os.environ["UPKEEP_API_PASSWORD"]
        if user := manager.find_user("upkeep"):
            manager.reset_password(user.id, password)
        else:
            role = manager.find_role("Upkeep")
            manager.add_user("upkeep", "Upkeep", "Suite", "upkeep@localhost", role, password)


if __name__ == "__main__":
    main()
