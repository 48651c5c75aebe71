"""What people copy from docs/installation.md is well formed: checks only read, backups have least rights."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/installation.md").read_text()


def block(heading: str, language: str) -> str:
    """Return the one block of a language below a heading of the guide."""
    sections = re.split(r"^###? ", GUIDE, flags=re.M)
    section = next(text for text in sections if text.startswith(f"{heading}\n"))
    found = re.findall(rf"^```{language}\n(.*?)^```$", section, flags=re.M | re.S)
    assert len(found) == 1
    return found[0]


def roles(heading: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rules of each role below a heading."""
    documents = YAML(typ="safe").load_all(io.StringIO(block(heading, "yaml")))
    return {one["metadata"]["name"]: one["rules"] for one in documents if "rules" in one}


def verbs(rules: list[dict[str, Any]]) -> set[str]:
    return {verb for rule in rules for verb in rule["verbs"]}


def resources(rules: list[dict[str, Any]]) -> set[str]:
    return {name for rule in rules for name in rule["resources"]}


def statements(heading: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(block(heading, "json"))["Statement"]
    return found


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def actions(found: list[dict[str, Any]]) -> list[str]:
    return [action for statement in found for action in listed(statement["Action"])]


CHECKS = [rule for rules in roles("Kubernetes").values() for rule in rules]
BACKUPS = roles("Kubernetes, for backups and recoveries")


def test_kubernetes_role_of_checks_only_reads() -> None:
    assert CHECKS
    assert verbs(CHECKS) == {"get", "list"}


def test_kubernetes_role_of_checks_sees_no_secret() -> None:
    assert not {"secrets", "*", "pods/exec"} & resources(CHECKS)


def test_exports_only_read() -> None:
    assert verbs(BACKUPS["upkeep-export"]) == {"get", "list"}
    assert "secrets" in resources(BACKUPS["upkeep-export"])


def test_backups_write_nothing_but_volume_snapshots() -> None:
    writing = [rule for rule in BACKUPS["upkeep-backup"] if set(rule["verbs"]) - {"get", "list"}]
    assert resources(writing) == {"volumesnapshots", "volumesnapshotcontents"}


def test_dumps_by_jobs_may_change_jobs_alone() -> None:
    (rule,) = BACKUPS["upkeep-dump-jobs"]
    assert (rule["resources"], rule["verbs"]) == (["jobs"], ["create", "delete"])


def test_recoveries_make_what_exports_read_and_delete_nothing() -> None:
    """Only what the cluster itself makes again is read and not made."""
    made = resources([rule for rule in BACKUPS["upkeep-recover"] if "patch" in rule["verbs"]])
    assert resources(BACKUPS["upkeep-export"]) - made == {"csistoragecapacities"}
    assert "delete" not in verbs(BACKUPS["upkeep-recover"])
    assert resources(BACKUPS["upkeep-restore-volumes"]) == {"persistentvolumeclaims", "pods"}


def test_drills_delete_only_namespaces_whose_names_are_theirs() -> None:
    (rule,) = BACKUPS["upkeep-drill"]
    assert (rule["resources"], rule["verbs"]) == (["namespaces"], ["delete"])
    assert all(name.endswith("-drill") for name in rule["resourceNames"])


@pytest.mark.parametrize("role", sorted(BACKUPS))
def test_no_role_of_backups_takes_a_wildcard_or_runs_programs_in_pods(role: str) -> None:
    named = resources(BACKUPS[role]) | verbs(BACKUPS[role])
    assert not [name for name in named if "*" in name or "/" in name]


def test_aws_policy_of_checks_only_reads() -> None:
    found = [action.split(":")[1] for action in actions(statements("AWS"))]
    assert found
    # StartQuery begins a search of CloudWatch Logs.
    assert all(re.match("Describe|Get|List|Filter|StartQuery", action) for action in found)
    assert not [action for action in found if "*" in action]


def test_aws_policy_of_backups_names_what_it_changes() -> None:
    found = statements("AWS, for backups and recoveries")
    assert not [action for action in actions(found) if "*" in action]
    for statement in found:
        named = [action.split(":")[1] for action in listed(statement["Action"])]
        if not all(re.match("Describe|Get|List", action) for action in named):
            assert "*" not in listed(statement["Resource"]), statement["Sid"]


def test_aws_policy_of_backups_deletes_instances_and_snapshots_only_with_our_tag() -> None:
    from upkeep.backups.rds.calls import NAME

    deleting = [
        one
        for one in statements("AWS, for backups and recoveries")
        if re.search(r"rds:(Delete|Modify)", " ".join(listed(one["Action"])))
    ]
    assert deleting
    for statement in deleting:
        assert statement["Condition"] == {"StringLike": {f"aws:ResourceTag/{NAME}": "*"}}
        assert not any(name.endswith((":quikapp-live", ":tapio-standby")) for name in statement["Resource"])


@pytest.mark.parametrize("setting", sorted(set(re.findall(r"AIRFLOW__[A-Z_]+__[A-Z_]+", GUIDE))))
def test_setting_exists_in_airflow(setting: str) -> None:
    from airflow.configuration import conf

    _, section, key = setting.lower().split("__", 2)
    described = conf.configuration_description
    assert section in described
    assert key in described[section]["options"]


def test_compose_settings_exist_in_airflow() -> None:
    from airflow.configuration import conf

    described = conf.configuration_description
    for setting in set(re.findall(r"AIRFLOW__[A-Z_]+__[A-Z_]+", (ROOT / "docker-compose.yaml").read_text())):
        _, section, key = setting.lower().split("__", 2)
        assert key in described[section]["options"], setting


def test_guide_names_every_connection_role() -> None:
    from typing import get_args

    from upkeep.catalog.models.system import ConnectionRole

    for role in get_args(ConnectionRole):
        assert re.search(rf"^\| `{role}` \|", GUIDE, flags=re.M), role
