"""The estate's outer side in one process: health end points, TLS, mail, and the capture server."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import ssl
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox.parts.model import announce
from sandbox.ports import LOOPBACK
from sandbox.servers.capture import Capture
from sandbox.servers.health import ANSWERS, Health
from sandbox.servers.mail import Mailbox
from sandbox.servers.tls import Certificates, greet


async def serve(ports: dict[str, int], certificates: Path, ready: Path) -> None:
    """Listen on every port, say where, and run until asked to end."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    health, capture, mailbox = Health(), Capture(), Mailbox()
    admin = health.admin()
    mailbox.add_routes(admin)
    own_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own_tls.load_cert_chain(certificates / "capture.sandbox.pem")
    received = capture.app()
    runners = [await _runner(admin), await _runner(received)]
    where: dict[str, Any] = {
        "admin": await _listen(runners[0], ports.get("health", 0)),
        "capture": await _listen(runners[1], ports.get("capture", 0)),
        "capture_https": await _listen(runners[1], 0, own_tls),
        "systems": {},
    }
    for name in ANSWERS:
        runners.append(await _runner(health.app(name)))
        where["systems"][name] = await _listen(runners[-1], 0)
    mail = await loop.create_server(lambda: mailbox.protocol(own_tls), LOOPBACK, ports.get("mail", 0))
    shown = Certificates(certificates).context("zetra.app")
    tls = await asyncio.start_server(greet, LOOPBACK, ports.get("tls", 0), ssl=shown)
    where |= {"mail": mail.sockets[0].getsockname()[1], "tls": tls.sockets[0].getsockname()[1]}
    announce(ready, where)
    await stopped.wait()
    mail.close()
    tls.close()
    for runner in runners:
        await runner.cleanup()


async def _runner(application: web.Application) -> web.AppRunner:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    return runner


async def _listen(runner: web.AppRunner, port: int, context: ssl.SSLContext | None = None) -> int:
    site = web.TCPSite(runner, LOOPBACK, port, ssl_context=context)
    await site.start()
    return int(runner.addresses[-1][1])


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--ports", default="{}", help="JSON: name to port")
    parser.add_argument("--certificates", type=Path, required=True)
    parser.add_argument("--ready", type=Path, required=True)
    arguments = parser.parse_args()
    asyncio.run(serve(json.loads(arguments.ports), arguments.certificates, arguments.ready))


if __name__ == "__main__":
    main()
