"""A proxy that goes away after so many requests: every connection is closed, none is taken."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

METHODS = (b"GET ", b"PATCH ", b"POST ", b"PUT ", b"DELETE ")


class Cut:
    """The proxy."""

    def __init__(self, behind: tuple[str, int], left: int) -> None:
        self._behind, self._left = behind, left
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self.server = socket.create_server(("127.0.0.1", 0))

    def serve(self) -> None:
        """Take connections until the end."""
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            with suppress(OSError):
                behind = socket.create_connection(self._behind)
                self._open += [client, behind]
                threading.Thread(target=self._pump, args=(client, behind, True), daemon=True).start()
                threading.Thread(target=self._pump, args=(behind, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                if counts and piece.startswith(METHODS) and self._spent():
                    self.close()
                    return
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)

    def _spent(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left < 0

    def close(self) -> None:
        """Go away."""
        for one in [self.server, *self._open]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextmanager
def cut_after(url: str, requests: int) -> Iterator[str]:
    """Stand before a server for a number of requests."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    proxy = Cut((parts.hostname, parts.port), requests)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    host, port = proxy.server.getsockname()
    thread.start()
    try:
        yield f"http://{host}:{port}"
    finally:
        proxy.close()
        thread.join(5)
