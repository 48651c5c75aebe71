"""Real servers for the client tests: each starts once, on a free port, and ends with the session."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trustme

# The servers that several test folders share are importable as `servers`.
if (tests := str(Path(__file__).parents[1])) not in sys.path:
    sys.path.insert(0, tests)

START_SECONDS = 30
T = TypeVar("T")


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def find_program(*candidates: str) -> str:
    """Return the first program that exists; skip the test if none does."""
    for candidate in candidates:
        if found := shutil.which(candidate):
            return found
    pytest.skip(f"this machine has no {candidates[0]}")


def wait_until(ready: Callable[[], T], what: str, seconds: float = START_SECONDS) -> T:
    """Return the first true answer of `ready`; an exception counts as not yet."""
    deadline = time.monotonic() + seconds
    problem: Exception | None = None
    while time.monotonic() < deadline:
        try:
            if answer := ready():
                return answer
        except Exception as e:
            problem = e
        time.sleep(0.05)
    raise TimeoutError(f"{what}: not within {seconds} s: {problem}")


@contextlib.contextmanager
def running(command: list[str], ready: Callable[[], Any], folder: Path, **options: Any) -> Iterator[None]:
    """Run a server until the block ends; its output goes to a file that a failed start shows."""
    log = folder / f"{Path(command[0]).name}-{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, **options)
    try:

        def up() -> Any:
            if process.poll() is not None:
                pytest.fail(f"{command[0]} ended: {log.read_text(errors='replace')[-2000:]}")
            return ready()

        try:
            wait_until(up, command[0])
        except TimeoutError as e:
            raise TimeoutError(f"{e}\n{log.read_text(errors='replace')[-2000:]}") from e
        yield
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Web:
    """A real HTTP server whose answers a test chooses path by path.

    answers[path] is called with the handler of one request and writes whatever it likes.
    requests: the paths asked for, with their queries, in order.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.requests: list[str] = []
        self.stopping = threading.Event()
        web = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                web.requests.append(self.path)
                answer = web.answers.get(self.path.split("?")[0])
                with contextlib.suppress(ConnectionError):
                    if answer is None:
                        self.send_error(404)
                    else:
                        answer(self)

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def says(self, path: str, body: str | bytes, status: int = 200, **headers: str) -> None:
        """Answer `path` with a body."""
        data = body.encode() if isinstance(body, str) else body

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            handler.send_header("Content-Length", str(len(data)))
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
            handler.wfile.write(data)

        self.answers[path] = answer

    def hangs(self, path: str) -> None:
        """Accept a request for `path` and never answer."""
        self.answers[path] = lambda _: self.stopping.wait(60) and None

    def drips(self, path: str) -> None:
        """Answer `path` with a byte every 50 ms, for ever."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", "1000000")
            handler.end_headers()
            while not self.stopping.wait(0.05):
                handler.wfile.write(b" ")

        self.answers[path] = answer

    def breaks_off(self, path: str, raw: bytes) -> None:
        """Answer `path` with exactly these bytes and close."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(raw)
            handler.close_connection = True

        self.answers[path] = answer


@pytest.fixture
def web() -> Iterator[Web]:
    """An HTTP server with answers of the test's choice."""
    server = Web()
    yield server
    server.close()


@pytest.fixture
def closed_port() -> int:
    """A port that refuses connections."""
    return free_port()


@pytest.fixture
def hanging_port() -> Iterator[int]:
    """A port that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(scope="session")
def run_server() -> Callable[..., contextlib.AbstractContextManager[None]]:
    """Run a program as a server: `with run_server(command, ready, folder)`."""
    return running


@pytest.fixture(scope="session")
def find() -> Callable[..., str]:
    """Find a program, or skip the test."""
    return find_program


@pytest.fixture(scope="session")
def port() -> Callable[[], int]:
    """Find a free port."""
    return free_port


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Any]:
    """Wait for a condition with a deadline: `eventually(condition, what, seconds)`."""
    return wait_until


class TlsWeb:
    """An HTTPS server that answers `{"ok": true}` and shows a certificate of the test's choice."""

    def __init__(self, certificate: Any, ca_file: str) -> None:
        self.ca_file = ca_file
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"ok": true}')

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def finish_request(self, request: Any, client_address: Any) -> None:
                # The handshake belongs into the request's own thread, and a client may turn away from it.
                with contextlib.suppress(OSError):
                    request.settimeout(10)
                    tls = context.wrap_socket(request, server_side=True)
                    with contextlib.closing(tls):
                        super().finish_request(tls, client_address)

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.url = f"https://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, str]:
    """A private certificate authority and its PEM file."""
    ca = trustme.CA()
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return ca, str(path)


@pytest.fixture
def serve_tls(authority: tuple[trustme.CA, str]) -> Iterator[Callable[..., TlsWeb]]:
    """Start HTTPS servers: `serve_tls("127.0.0.1", not_after=…)`."""
    ca, path = authority
    with contextlib.ExitStack() as stack:

        def serve(*names: str, **dates: Any) -> TlsWeb:
            server = TlsWeb(ca.issue_cert(*names, **dates), path)
            stack.callback(server.close)
            return server

        yield serve


@pytest.fixture
def tls_web(serve_tls: Callable[..., TlsWeb]) -> TlsWeb:
    """An HTTPS server with a good certificate of the private authority."""
    return serve_tls("127.0.0.1", "localhost")
