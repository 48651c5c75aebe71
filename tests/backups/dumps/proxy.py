"""A TCP proxy that cuts or stalls a connection after so many bytes of the far side's answer."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass
class Proxy:
    """A running one. cut_after: bytes answered in one connection until it is closed; None never.

    upward: bytes sent instead. stalls: hang instead of closing. cuts: how many connections were cut.
    """

    port: int
    cut_after: int | None = None
    upward: bool = False
    stalls: bool = False
    most_cuts: int = 10**9
    cuts: int = 0


@contextlib.contextmanager
def proxy(port: int) -> Iterator[Proxy]:
    """Pass connections on to a port until the block ends."""
    listening = socket.create_server(("127.0.0.1", 0))
    state = Proxy(listening.getsockname()[1])
    opened: list[socket.socket] = []
    stopped = threading.Event()

    def pump(source: socket.socket, target: socket.socket, counted: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                passed += len(data)
                cutting = state.cut_after is not None and state.cuts < state.most_cuts
                if counted and cutting and passed > (state.cut_after or 0):
                    state.cuts += 1
                    if state.stalls:
                        stopped.wait(60)
                    break
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listening.accept()
                far = socket.create_connection(("127.0.0.1", port))
                opened.extend((near, far))
                for source, target, counted in ((near, far, state.upward), (far, near, not state.upward)):
                    threading.Thread(target=pump, args=(source, target, counted), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield state
    finally:
        stopped.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for one in opened:
            one.close()
