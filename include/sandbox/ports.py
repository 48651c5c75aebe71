"""Which port a part listens on.

The one it had last time if that is free (so that what people noted down stays true), else any
free one. `UPKEEP_PORT_<PART>` asks for a certain one.
"""

from __future__ import annotations

import os
import random
import socket
from pathlib import Path

from sandbox.errors import PartFailed
from sandbox.estate import load

LOOPBACK = "127.0.0.1"

RANGE = (16000, 32000)
"""Linux gives 32768 and up to outgoing connections."""


def choose_port(folder: Path, part: str) -> int:
    """Return a port that is free now.

    Raises:
        PartFailed: the port that the environment asks for is taken.

    """
    variable = f"UPKEEP_PORT_{part.upper().replace('-', '_')}"
    if wanted := os.environ.get(variable):
        if not wanted.isdigit() or not 0 < int(wanted) < 65536:
            raise PartFailed(f"{variable} is {wanted!r}: give a port number, or unset it")
        if not is_free(int(wanted)):
            raise PartFailed(f"port {wanted} ({variable}) is taken: free it, or unset the variable")
        return int(wanted)
    last = _last_port(folder, part)
    return last if last and is_free(last) else free_port()


def free_port() -> int:
    """Return a port that nobody listens on, from below those that the kernel gives to outgoing connections.

    One of those may be taken by any connection before the part binds it.
    """
    while not is_free(port := random.randrange(*RANGE)):
        pass
    return port


def is_free(port: int) -> bool:
    """Whether the port can be bound on the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def answers(port: int, timeout_seconds: float = 0.5) -> bool:
    """Whether somebody accepts connections on the port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout_seconds):
            return True
    except OSError:
        return False


def _last_port(folder: Path, part: str) -> int | None:
    known = load(folder).parts.get(part)
    return known.port if known else None
