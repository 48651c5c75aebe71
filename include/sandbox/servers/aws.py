"""moto's server with the estate in it. It runs in this process, so that backups can have past times.

Besides the AWS API it answers `PUT /sandbox/backups` with `{"policy", "condition"}`: the newest backup
of the policy becomes sound, missing, undersized or unencrypted.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from sandbox.parts.model import announce
from sandbox.ports import LOOPBACK
from sandbox.servers.aws_backups import Backups, Condition
from sandbox.servers.aws_estate import plant

ADMIN_PATH = "/sandbox/backups"
LOOK_EVERY_SECONDS = 20.0
"""How soon a backup that has become due is there."""

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def application(backups: Backups) -> Wsgi:
    """Return moto's application with the admin path added."""
    moto: Wsgi = DomainDispatcherApplication(create_backend_app)

    def handle(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == ADMIN_PATH and environ.get("REQUEST_METHOD") == "PUT":
            return _change(backups, Request(environ))(environ, start_response)
        return moto(environ, start_response)

    return handle


def _change(backups: Backups, request: Request) -> Response:
    try:
        asked = json.loads(request.get_data())
        touched = backups.set_condition(asked["policy"], Condition(asked["condition"]), datetime.now(UTC))
    except (KeyError, ValueError, TypeError) as e:
        return Response(f"not a policy and a condition: {e}", status=400)
    return Response(json.dumps({"touched": touched}), mimetype="application/json")


def _keep_making(backups: Backups, stopped: threading.Event) -> None:
    """Make each backup when it is due, as long as the server runs."""
    while not stopped.wait(LOOK_EVERY_SECONDS):
        backups.make_due(datetime.now(UTC))


def main() -> None:
    """Fill the account, serve it, and run until asked to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--certificates", type=Path, required=True)
    parser.add_argument("--ready", type=Path, required=True)
    arguments = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    backups = plant(arguments.certificates, datetime.now(UTC))
    server = make_server(
        LOOPBACK, arguments.port, application(backups), threaded=True, request_handler=MotoRequestHandler
    )
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Thread(target=_keep_making, args=(backups, stopped), daemon=True).start()
    announce(arguments.ready, {"port": server.server_port})
    stopped.wait()
    server.shutdown()


if __name__ == "__main__":
    main()
