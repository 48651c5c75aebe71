"""One TLS port for all host names: which certificate it shows depends on the name asked for.

A certificate that is replaced on disk is shown from the next connection on.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

_GREETING = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"


class Certificates:
    """The certificates in a folder, read again when they change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[int, ssl.SSLContext]] = {}

    def context(self, default: str) -> ssl.SSLContext:
        """Return a context that picks the certificate by name; `default` for clients that give none."""
        context = self._load(default)
        context.sni_callback = self._choose
        return context

    def _choose(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        if name is None:
            return None
        file = self._folder / f"{name}.pem"
        if file.parent != self._folder or not file.exists():
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        changed = file.stat().st_mtime_ns
        if name not in self._known or self._known[name][0] != changed:
            self._known[name] = (changed, self._load(name))
        connection.context = self._known[name][1]
        return None

    def _load(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / f"{name}.pem")
        return context


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the first request of a connection, if one comes, and close."""
    try:
        async with asyncio.timeout(10):
            if await reader.readline():
                writer.write(_GREETING)
                await writer.drain()
    except (TimeoutError, OSError, ValueError):
        pass  # the client wanted to see the certificate, no more
    finally:
        writer.close()
