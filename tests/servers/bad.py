"""Servers that answer as none should: they refuse, hang, or talk garbage."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def refusing() -> Iterator[int]:
    """Yield a port of the loopback that nobody listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextmanager
def hanging() -> Iterator[int]:
    """Yield a port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def saying(answer: bytes) -> Iterator[int]:
    """Yield a port that answers every connection with the same bytes, after its first line."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        talking = threading.Thread(target=_talk, args=(server, answer), daemon=True)
        talking.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            talking.join(timeout=5)


def http(status: int, body: bytes, kind: str = "application/json") -> bytes:
    """Return a whole HTTP answer."""
    headers = f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close"
    return f"HTTP/1.1 {status} X\r\n{headers}\r\n\r\n".encode() + body


def _talk(server: socket.socket, answer: bytes) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection, suppress(OSError):
            connection.settimeout(5)
            connection.recv(65536)
            connection.sendall(answer)
