"""docker-compose.yaml is valid and keeps its promises: health, path, pins, no secret, least privilege."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from compose_spec import PyCompose
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
SPEC: dict[str, Any] = YAML(typ="safe").load((ROOT / "docker-compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = SPEC["services"]
AIRFLOW = [name for name in SERVICES if name not in {"postgres", "redis", "heartbeat"}]
ONE_SHOT = {"airflow-init"}
OPTIONAL = {name for name, service in SERVICES.items() if "profiles" in service}
SECRET = re.compile(r"PASSWORD|SECRET|FERNET|TOKEN|REDISCLI_AUTH|CONN$|CONN_UPKEEP|BROKER_URL|RESULT_BACKEND")


def test_compose_accepts_the_file() -> None:
    # JSON, because the library does not resolve YAML's merge keys, which compose does.
    spec = PyCompose.from_json(json.dumps(SPEC))
    spec.validate()
    assert set(spec.service_names()) == set(SERVICES)


def test_compose_library_refuses_a_mistake() -> None:
    """The test above would pass for anything if the library checked nothing."""
    broken = json.loads(json.dumps(SPEC))
    broken["services"]["worker"]["healthchek"] = {}
    with pytest.raises(ValueError, match="healthchek"):
        PyCompose.from_json(json.dumps(broken))


def test_services_are_those_of_a_whole_airflow() -> None:
    parts = {"airflow-init", "api-server", "scheduler", "dag-processor", "triggerer", "worker"}
    assert set(AIRFLOW) == parts | {"database-cleaner"}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONE_SHOT))
def test_service_has_a_health_check_and_restarts(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_service_has_a_memory_limit(name: str) -> None:
    assert SERVICES[name]["mem_limit"]


@pytest.mark.parametrize("name", sorted(set(AIRFLOW) - ONE_SHOT))
def test_service_waits_for_the_databases_to_be_ready(name: str) -> None:
    assert SERVICES[name]["depends_on"]["airflow-init"] == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("name", AIRFLOW)
def test_library_is_on_the_path(name: str) -> None:
    assert SERVICES[name]["environment"]["PYTHONPATH"] == "/opt/upkeep/include"


@pytest.mark.parametrize("name", [*AIRFLOW, "heartbeat"])
def test_service_has_no_privilege(name: str) -> None:
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_secrets_come_from_the_environment_and_have_no_default(name: str) -> None:
    for key, value in SERVICES[name]["environment"].items():
        if SECRET.search(key):
            # Compose reads the whole file: what only an optional service needs may be empty.
            needed = r"\$\{[A-Z_]+\?" if name in OPTIONAL else r"\$\{[A-Z_]+:\?"
            assert re.search(needed, value), f"{name}: {key} is written out"
        assert not re.search(r"\$\{[A-Z_]+:?-", str(value)), f"{name}: {key} has a default"


def test_worker_has_no_key_of_airflow_itself() -> None:
    held = SERVICES["worker"]["environment"]
    assert not [key for key in held if re.search("SQL_ALCHEMY|FERNET|SECRET", key)]


@pytest.mark.parametrize("name", ["api-server", "triggerer", "worker", "airflow-init"])
def test_what_writes_evidence_knows_the_ledger(name: str) -> None:
    assert "AIRFLOW_CONN_UPKEEP_LEDGER" in SERVICES[name]["environment"]


def test_example_environment_names_every_variable_and_fills_none() -> None:
    wanted = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yaml").read_text()))
    lines = [line for line in (ROOT / ".env.example").read_text().splitlines() if line and line[0] != "#"]
    assert {line.removesuffix("=") for line in lines} == wanted
    assert all(line.endswith("=") for line in lines)


@pytest.mark.parametrize("name", SERVICES)
def test_image_is_pinned(name: str) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    image = SERVICES[name]["image"]
    assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?", image)
    assert image == f"upkeep:{version}" if "build" in SERVICES[name] else True


def test_only_what_people_open_is_published_and_on_loopback() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"api-server": ["127.0.0.1:8080:8080"], "heartbeat": ["127.0.0.1:8000:8000"]}


def test_the_far_side_of_the_heartbeat_is_optional_and_reached_by_its_name() -> None:
    service = SERVICES["heartbeat"]
    assert {"heartbeat"} == OPTIONAL
    assert '[ -n "$$SECRET_KEY" ] || ' in service["command"][-1]
    assert service["environment"]["ALLOWED_HOSTS"].split(",")[0] == "heartbeat"
    guide = (ROOT / "docs/installation.md").read_text()
    assert "--profile heartbeat" in guide
    assert "upkeep_heartbeat" in guide
    assert "http://heartbeat:8000/ping/" in guide


def test_dockerfile_is_pinned_hashed_and_not_root() -> None:
    text = (ROOT / "Dockerfile").read_text()
    bases = re.findall(r"^FROM (\S+)", text, flags=re.M)
    assert set(bases) == {"python:3.12.11-slim-bookworm"}
    assert text.count("--require-hashes") == 2
    assert re.findall(r"^USER (.*)$", text, flags=re.M) == ["airflow"]


COPIED = re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / "Dockerfile").read_text(), flags=re.M)


@pytest.mark.parametrize("source", COPIED)
def test_dockerfile_copies_what_exists_and_is_not_ignored(source: str) -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for path in source.split():
        assert (ROOT / path).exists()
        assert any(path == entry or path.startswith(f"{entry}/") for entry in allowed)


def test_modules_that_the_settings_name_exist() -> None:
    imports = json.loads(SERVICES["worker"]["environment"]["AIRFLOW__CELERY__EXTRA_CELERY_CONFIG"])["imports"]
    for module in imports:
        path = ROOT / "include" / f"{module.replace('.', '/')}.py"
        assert path.is_file(), f"{module} does not exist"
        # Imported by the worker before it forks: it must do its work when it is imported.
        assert any(isinstance(node, ast.Expr) for node in ast.parse(path.read_text()).body[1:])
