"""HTTP and TLS end points that a test writes."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme


@contextmanager
def web(answers: Mapping[str, tuple[int, Any]], delay_seconds: float = 0) -> Iterator[str]:
    """Serve answers, status and JSON by path, and yield the base URL; other paths are 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path.split("?")[0], (404, {"error": "no such path"}))
            data = json.dumps(body).encode()
            time.sleep(delay_seconds)
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Keep the tests' output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


@contextmanager
def tls(folder: Path, name: str, days_left: float, authority: trustme.CA | None = None) -> Iterator[int]:
    """Serve TLS with a certificate for `name` that is good for so many days, and yield the port.

    The authority's certificate is in `folder / "ca.pem"`, unless it is given.
    """
    issuer = authority or trustme.CA()
    if authority is None:
        issuer.cert_pem.write_to_path(str(folder / "ca.pem"))
    until = datetime.now(UTC) + timedelta(days=days_left)
    certificate = issuer.issue_cert(name, not_before=until - timedelta(days=90), not_after=until)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
