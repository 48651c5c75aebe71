"""A server before moto: it answers what moto cannot, and lets a test act between two calls.

moto knows no account quotas, throttles nobody, and leaves a promoted replica a replica; AWS does not.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from tests.servers.aws import REGION

QUOTAS = {"DBInstances": (3, 40), "AllocatedStorage": (300, 100_000)}


class Front:
    """The server. calls: the actions asked, in order. after: called with each, before its answer is sent."""

    def __init__(self, behind: str) -> None:
        self.behind = urlsplit(behind).netloc
        self.calls: list[str] = []
        self.errors: dict[str, tuple[int, str]] = {}
        self.answers: dict[str, bytes] = {}
        self.after: Callable[[str], None] = lambda _action: None
        self.forget()

    def forget(self) -> None:
        """Answer as AWS does, as no test had asked otherwise."""
        self.calls.clear()
        self.errors.clear()
        self.answers.clear()
        self.answers["DescribeAccountAttributes"] = quotas(QUOTAS)
        self.after = lambda _action: None

    def fails(self, action: str, status: int, code: str) -> None:
        """Answer an action with one of AWS's errors from now on."""
        self.errors[action] = (status, code)

    def answer(self, action: str, method: str, path: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        """Return what AWS would answer."""
        self.calls.append(action)
        if action in self.errors:
            status, code = self.errors[action]
            return status, _error(code)
        if action in self.answers:
            return 200, self.answers[action]
        connection = http.client.HTTPConnection(self.behind, timeout=30)
        try:
            connection.request(method, path, body, dict(headers.items()))
            answered = connection.getresponse()
            found = answered.status, answered.read()
        finally:
            connection.close()
        if action == "PromoteReadReplica" and found[0] == 200:
            _promoted(parse_qs(body.decode())["DBInstanceIdentifier"][0])
        self.after(action)
        return found


def quotas(of: dict[str, tuple[int, int]]) -> bytes:
    """Return the answer of DescribeAccountAttributes: what is used and the most, by name."""
    rows = "".join(
        f"<AccountQuota><AccountQuotaName>{name}</AccountQuotaName><Used>{used}</Used><Max>{most}</Max>"
        "</AccountQuota>"
        for name, (used, most) in of.items()
    )
    return answer("DescribeAccountAttributes", f"<AccountQuotas>{rows}</AccountQuotas>")


def answer(action: str, result: str) -> bytes:
    """Return an answer of RDS around its result."""
    name = "http://rds.amazonaws.com/doc/2014-10-31/"
    inner = f"<{action}Result>{result}</{action}Result>"
    return f'<{action}Response xmlns="{name}">{inner}</{action}Response>'.encode()


def _error(code: str) -> bytes:
    error = f"<Error><Code>{code}</Code><Message>so it is</Message></Error>"
    return f"<ErrorResponse>{error}</ErrorResponse>".encode()


def _promoted(identifier: str) -> None:
    """Make a replica of moto's what AWS makes of it."""
    databases = get_backend("rds")[DEFAULT_ACCOUNT_ID][REGION].databases
    replica = databases[identifier]
    source = databases.get(str(replica.source_db_instance_identifier).rsplit(":", 1)[-1])
    replica.source_db_instance_identifier = None
    if source and identifier in source.replicas:
        source.replicas.remove(identifier)


def _action(method: str, path: str, body: bytes) -> str:
    asked = parse_qs(body.decode("utf-8", "replace")).get("Action")
    if asked:
        return asked[0]
    parts = urlsplit(path).path.strip("/").split("/")
    words = {"change": "GetChange", "rrset": "ChangeRecords" if method == "POST" else "ListRecords"}
    return next((words[part] for part in parts if part in words), f"{method} {parts[0]}")


@contextmanager
def front(behind: str) -> Iterator[tuple[str, Front]]:
    """Run it until the block ends; yield its URL and the server."""
    state = Front(behind)

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            action = _action(self.command, self.path, body)
            status, said = state.answer(action, self.command, self.path, self.headers, body)
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_any

        def log_message(self, *_: Any) -> None:
            """Keep the tests' output quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """A client that was killed has not read its answer."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", state
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
