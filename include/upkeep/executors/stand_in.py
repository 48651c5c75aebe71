"""A server on loopback that answers a worker's rehearsal as Prometheus, Kubernetes and S3 would."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

_SERIES: dict[str, Any] = {"metric": {"job": "rehearsal"}}
_S3 = "http://s3.amazonaws.com/doc/2006-03-01/"
_OBJECT = "<Key>key</Key><Size>1</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>e</ETag>"


def _prometheus(kind: str, **values: Any) -> bytes:
    found = {"resultType": kind, "result": [_SERIES | values]}
    return json.dumps({"status": "success", "data": found}).encode()


class _Answers(BaseHTTPRequestHandler):
    """Answers by path, and keeps the connection."""

    protocol_version = "HTTP/1.1"
    timeout = 1.0  # a connection that its client keeps must not hold up the server's end, and so the worker
    wbufsize = -1  # head and body in one packet: a second would wait for the first one's acknowledgement
    known: ClassVar[dict[str, bytes]] = {
        "/api/v1/query": _prometheus("vector", value=[1, "1"]),
        "/api/v1/query_range": _prometheus("matrix", values=[[1, "1"]]),
        "/api/v1/pods": b'{"items": [], "metadata": {}}',
        "/bucket": (
            f'<ListBucketResult xmlns="{_S3}"><Name>bucket</Name><KeyCount>1</KeyCount>'
            f"<IsTruncated>false</IsTruncated><Contents>{_OBJECT}</Contents></ListBucketResult>"
        ).encode(),
        "/bucket/key": b"",
    }

    def do_GET(self) -> None:
        """Answer what is known."""
        body = self.known.get(urlsplit(self.path).path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body or b"")

    def do_HEAD(self) -> None:
        """Answer without the body."""
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(HTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing: a client that is gone is no error here."""


@contextmanager
def stand_in() -> Iterator[str]:
    """Yield the server's address; when it ends, its thread has ended, too: what follows may fork."""
    with _Server(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
