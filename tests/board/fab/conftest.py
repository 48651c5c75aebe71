"""A real API server with FAB, and the accounts that `scripts/container/initialise` makes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import URL, Engine, text
from tests.board.conftest import CATALOG, PROJECT
from tests.board.web import BEGAN, signal
from tests.servers.ledger import Server, postgres_server

from sandbox import process
from sandbox.ports import free_port
from upkeep.catalog.compiled import Catalog
from upkeep.paging.raising import raise_signal

__all__ = ["postgres_server"]

ADMIN, SUITE = "an-admins-password", "the-suites-password"
PEOPLE = {"ann": "Viewer", "bob": "User", "carl": "Op", "alertmanager": "Alertmanager", "dora": "Public"}
PASSWORD = "everybodys-password"
PATIENCE_SECONDS = 60
"""For an answer, on a machine that is busy with something else."""


@dataclass(frozen=True)
class Installation:
    """Airflow's API server with FAB, its ledger, and a client for each account."""

    url: str
    ledger: Engine
    systems: Path
    environment: dict[str, str] = field(repr=False)
    cookies: dict[str | None, httpx.Cookies] = field(default_factory=dict, repr=False)

    def token(self, user: str, password: str = PASSWORD) -> str:
        answer = httpx.post(
            f"{self.url}/auth/token", json={"username": user, "password": password}, timeout=PATIENCE_SECONDS
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["access_token"])

    def program(self, user: str, password: str = PASSWORD) -> httpx.Client:
        """A program: it has a bearer token."""
        headers = {"Authorization": f"Bearer {self.token(user, password)}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE_SECONDS)

    @contextmanager
    def browser(self, user: str | None = None) -> Iterator[httpx.Client]:
        """A browser. Whoever signs in does so once: FAB's login page takes five sign-ins in 40 seconds."""
        headers = {"Accept": "text/html"}
        cookies = self.cookies.get(user)
        with httpx.Client(
            base_url=self.url, headers=headers, cookies=cookies, timeout=PATIENCE_SECONDS
        ) as client:
            if user and user not in self.cookies:
                self._sign_in(client, user)
                self.cookies[user] = client.cookies
            yield client

    def _sign_in(self, client: httpx.Client, user: str) -> None:
        """Follow our page to FAB's login page, and back."""
        page = client.get("/upkeep/incidents", follow_redirects=True)
        [token] = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
        form = {"username": user, "password": PASSWORD, "csrf_token": token}
        back = client.post(str(page.url), data=form)
        assert (back.status_code, back.headers.get("location")) == (302, f"{self.url}/upkeep/incidents")

    def open(self, number: int) -> UUID:
        """Open an incident of the shop's daily routine."""
        system = Catalog(self.systems, self.systems.parent / "compiled").system
        return raise_signal(self.ledger, signal(number), system, BEGAN).incident_id

    def command(self, *words: str | Path) -> str:
        done = subprocess.run(
            words, env=self.environment, cwd=PROJECT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def installation(postgres_server: Server) -> Iterator[Installation]:
    folder = Path(tempfile.mkdtemp(prefix="upkeep-fab-"))
    with _database(postgres_server) as airflow, _database(postgres_server) as ledger:
        port = free_port()
        environment = _environment(folder, airflow.url, ledger.url, port)
        found = Installation(f"http://127.0.0.1:{port}", ledger, folder / "systems", environment)
        try:
            found.command("sh", PROJECT / "scripts/container/initialise")
            server = process.start(
                folder, "api-server", [_bin(folder) / "airflow", "api-server"], environment=environment
            )
            process.wait_until(server, lambda: _answers(found.url), 120)
            _invite(found)
            yield found
        finally:
            for child in process.recorded(folder):
                process.stop(folder, child)
            shutil.rmtree(folder)


def _environment(folder: Path, airflow: URL, ledger: URL, port: int) -> dict[str, str]:
    systems = folder / "systems"
    systems.mkdir()
    (systems / "shop.yaml").write_text(CATALOG)
    return os.environ | {
        "PATH": f"{_bin(folder)}:{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT / "include"),
        "PYTHONWARNINGS": "ignore",
        "UPKEEP_SYSTEMS": str(systems),
        "UPKEEP_CACHE": str(folder / "cache"),
        "UPKEEP_ADMIN_EMAIL": "admin@example.com",
        "UPKEEP_ADMIN_PASSWORD": ADMIN,
        "UPKEEP_API_PASSWORD": SUITE,
        "AIRFLOW_HOME": str(folder / "home"),
        "AIRFLOW_CONN_UPKEEP_LEDGER": _written(ledger.set(drivername="postgresql")),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__SECRET_KEY": "a-secret-of-the-tests",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": "another-secret-of-the-tests" * 4,
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": _written(airflow.set(drivername="postgresql+psycopg2")),
    }


def _bin(folder: Path) -> Path:
    """Return what the image has in /usr/local/bin and /opt/venv/bin, with this Python."""
    place = folder / "bin"
    if not place.exists():
        place.mkdir()
        for name in ("airflow", "upkeep"):
            (place / name).symlink_to(Path(sys.executable).parent / name)
        script = (PROJECT / "scripts/container/accounts.py").read_text().split("\n", 1)[1]
        (place / "accounts.py").write_text(f"#!{sys.executable}\n{script}")
        (place / "accounts.py").chmod(0o755)
    return place


def _invite(found: Installation) -> None:
    """Make people's accounts, as an administrator does."""
    with found.program("admin", ADMIN) as admin:
        for name, role in PEOPLE.items():
            person = {"username": name, "first_name": name, "last_name": "Test", "password": PASSWORD,
                      "email": f"{name}@example.com", "roles": [{"name": role}]}  # fmt: skip
            made = admin.post("/auth/fab/v1/users", json=person)
            assert made.status_code in (200, 201), made.text


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/v2/monitor/health").is_success
    except httpx.HTTPError:
        return False


def _written(url: URL) -> str:
    return url.render_as_string(hide_password=False)


@contextmanager
def _database(server: Server) -> Iterator[Engine]:
    name = f"fab_{uuid.uuid4().hex}"
    admin = server.engine("postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
    yield server.engine(name)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
