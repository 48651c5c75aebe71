#!/opt/venv/bin/python
"""`health.py SERVICE`: is this container's service well? Exit status 0 if so, else 1 and the reason.

Costs a tenth of a second. `airflow jobs check`, the usual way, imports Airflow for several seconds of
processor time at every check of every container.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import urllib.request

TIMEOUT_SECONDS = 8
SCHEDULER_URL = "http://127.0.0.1:8974/health"


def _answer(url: str) -> bytes:
    """Return the page; raises OSError for any status but success."""
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310  fixed http addresses
        return answer.read()


def _component(component: str) -> str | None:
    """Return why the component is unwell by the API server's health page, or None."""
    server = os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].removesuffix("/execution/")
    page = json.loads(_answer(f"{server}/api/v2/monitor/health"))
    status = (page.get(component) or {}).get("status")
    return None if status == "healthy" else f"{component} is {status or 'not reported'}"


def _worker() -> str | None:
    """Ask this container's Celery worker through the broker, which proves both."""
    from celery import Celery

    name = f"celery@{socket.gethostname()}"
    app = Celery(broker=os.environ["AIRFLOW__CELERY__BROKER_URL"])
    answers = app.control.inspect(destination=[name], timeout=TIMEOUT_SECONDS / 2).ping()
    return None if answers else f"{name} does not answer"


def reason(service: str) -> str | None:
    """Return why the service is unwell, or None.

    The DAG processor and the triggerer listen on no port: the API server reports their heartbeats.
    """
    if service == "worker":
        return _worker()
    if service == "scheduler":
        _answer(SCHEDULER_URL)
        return None
    return _component({"api-server": "metadatabase", "dag-processor": "dag_processor"}.get(service, service))


def main() -> int:
    """Print the reason, if any, and return the exit status."""
    try:
        why = reason(sys.argv[1])
    except (OSError, ValueError) as e:
        why = f"{type(e).__name__}: {e}"
    if why:
        print(why)
    return 1 if why else 0


if __name__ == "__main__":
    sys.exit(main())
