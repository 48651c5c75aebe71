"""The environment of the demo's Airflow: settings, connections, secrets made at the first start."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sandbox.estate import Estate
from sandbox.paths import CHECKOUT

USERS = {"admin": "admin", "oncall": "user", "viewer": "viewer"}
"""The demo's users and their roles in Airflow's simple auth manager, which is for development only."""


@dataclass(frozen=True)
class Ports:
    """The ports of the demo's Airflow, all on loopback."""

    api: int
    worker_logs: int
    trigger_logs: int


@dataclass(frozen=True)
class Platform:
    """Where the demo's Airflow is."""

    folder: Path
    ports: Ports

    @property
    def url(self) -> str:
        """The address of the UI and the API."""
        return f"http://127.0.0.1:{self.ports.api}"

    @property
    def passwords_file(self) -> Path:
        """The passwords of the demo's users, mode 0600."""
        return self.folder / "passwords.json"

    def password(self, user: str) -> str:
        """Return the password of one of the demo's users."""
        return str(json.loads(self.passwords_file.read_text())[user])


def prepare(platform: Platform) -> None:
    """Make the folder and its secrets; what exists is kept, so that sessions outlive a restart."""
    platform.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_once(
        platform.passwords_file, lambda: json.dumps({user: secrets.token_urlsafe(9) for user in USERS})
    )
    _write_once(
        platform.folder / "keys.json",
        lambda: json.dumps(
            {
                "fernet": base64.urlsafe_b64encode(os.urandom(32)).decode(),
                "jwt": secrets.token_hex(32),
                "api": secrets.token_hex(32),
            }
        ),
    )


def variables(platform: Platform, estate: Estate, connections: Mapping[str, str]) -> dict[str, str]:
    """Return what every Airflow process finds in its environment, besides this process's own.

    connections: connection id to what Airflow reads it from; `upkeep_airflow` is added.
    """
    keys = json.loads((platform.folder / "keys.json").read_text())
    return {
        **_settings(platform, estate, keys),
        **{f"AIRFLOW_CONN_{name.upper()}": value for name, value in connections.items()},
        "AIRFLOW_CONN_UPKEEP_AIRFLOW": _airflow_connection(platform),
        "PYTHONPATH": str(CHECKOUT / "include"),
        "PYTHONWARNINGS": "ignore",
        "UPKEEP_CACHE": str(platform.folder / "catalog"),
        "UPKEEP_RETRY_DELAY_SECONDS": "2",
    }


TIMING = {
    "SCHEDULER": {
        # Ten sequential tasks that do nothing take 0.3 s each with this and 1.2 s without.
        "SCHEDULER_IDLE_SLEEP_TIME": "0.1",
        # What a killed scheduler or worker was at is found after 45 s and 60 s, not after 300 s each.
        "ORPHANED_TASKS_CHECK_INTERVAL": "15",
        "TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    },
    # A worker looks this often whether its task's process is gone, and takes no other task before.
    "WORKERS": {"MIN_HEARTBEAT_INTERVAL": "1"},
    # An edited system file shows up within a minute; parsing takes a core for seconds each time.
    "DAG_PROCESSOR": {"REFRESH_INTERVAL": "30", "MIN_FILE_PROCESS_INTERVAL": "60"},
}
"""Settings by section: how soon Airflow notices things."""


def _settings(platform: Platform, estate: Estate, keys: dict[str, str]) -> dict[str, str]:
    database = estate.part("platform")
    password = quote(estate.password("platform", "airflow"), safe="")
    where = f"airflow:{password}@{database.host}:{database.port}/airflow"
    sections = {
        "CORE": {
            "EXECUTOR": "upkeep.executors.warm_local.WarmLocalExecutor",
            "PARALLELISM": "4",
            "DAGS_FOLDER": str(CHECKOUT / "dags"),
            "PLUGINS_FOLDER": str(CHECKOUT / "plugins"),
            "LOAD_EXAMPLES": "False",
            "DAGS_ARE_PAUSED_AT_CREATION": "False",
            "FERNET_KEY": keys["fernet"],
            "EXECUTION_API_SERVER_URL": f"{platform.url}/execution/",
            "SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{role}" for user, role in USERS.items()),
            "SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(platform.passwords_file),
        },
        "AWS": {"SESSION_FACTORY": "upkeep.executors.aws_sessions.SharedLoaderSessions"},
        "DATABASE": {"SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{where}"},
        "API": {
            "HOST": "127.0.0.1",
            "PORT": str(platform.ports.api),
            "BASE_URL": platform.url,
            "SECRET_KEY": keys["api"],
            "WORKERS": "1",
        },
        "API_AUTH": {"JWT_SECRET": keys["jwt"]},
        "LOGGING": {
            "BASE_LOG_FOLDER": str(platform.folder / "logs"),
            "WORKER_LOG_SERVER_PORT": str(platform.ports.worker_logs),
            "TRIGGER_LOG_SERVER_PORT": str(platform.ports.trigger_logs),
        },
        "USAGE_DATA_COLLECTION": {"ENABLED": "False"},
        **TIMING,
    }
    flat = {
        f"AIRFLOW__{section}__{name}": value
        for section, settings in sections.items()
        for name, value in settings.items()
    }
    return {"AIRFLOW_HOME": str(platform.folder / "home"), **flat}


def _airflow_connection(platform: Platform) -> str:
    return json.dumps(
        {
            "conn_type": "http",
            "host": "127.0.0.1",
            "port": platform.ports.api,
            "login": "admin",
            "password": platform.password("admin"),
        }
    )


def _write_once(path: Path, content: Callable[[], str]) -> None:
    """Create a file of mode 0600; one that exists stays as it is."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(content())
