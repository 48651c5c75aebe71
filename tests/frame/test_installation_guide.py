"""What people copy from docs/installation.md is well formed and asks for no right to change anything."""

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


def block(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, flags=re.M | re.S)
    assert len(found) == 1
    return found[0]


def rules() -> list[dict[str, Any]]:
    documents = list(YAML(typ="safe").load_all(io.StringIO(block("yaml"))))
    return [rule for document in documents for rule in document.get("rules", [])]


def test_kubernetes_role_only_reads() -> None:
    assert rules()
    assert {verb for rule in rules() for verb in rule["verbs"]} == {"get", "list"}


def test_kubernetes_role_sees_no_secret() -> None:
    assert not {"secrets", "*", "pods/exec"} & {name for rule in rules() for name in rule["resources"]}


def test_aws_policy_only_reads() -> None:
    statements = json.loads(block("json"))["Statement"]
    actions = [action.split(":")[1] for statement in statements for action in statement["Action"]]
    assert actions
    # StartQuery begins a search of CloudWatch Logs.
    assert all(re.match("Describe|Get|List|Filter|StartQuery", action) for action in actions)
    assert not [action for action in actions if "*" in action]


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
