"""The live side of the history: the same series, now, with whatever faults are active.

Run as `python -m sandbox.prometheus.exporter --port 0 --state-file FILE --ready FILE`; the ready file says
where it listens. The state file is read at each scrape, so a fault shows with the next one, and the file
need not be there before the first.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import time
from pathlib import Path

from aiohttp import web

from sandbox.parts.model import announce
from sandbox.prometheus.estate import is_down, live
from sandbox.prometheus.series import Series, moves_at
from sandbox.prometheus.state import State, load
from sandbox.prometheus.systems import SYSTEMS

STATE_FILE = web.AppKey("state_file", Path)


def application_text(system: str, state: State, now: float) -> str:
    """What a system's application exposes; Prometheus adds job and instance."""
    own = [one for one in live(system, state) if one.from_app]
    return _text(own, now, without=("job", "instance"))


def estate_text(state: State, now: float) -> str:
    """What all other exporters expose."""
    return _text([one for system in SYSTEMS for one in live(system, state) if not one.from_app], now)


def make_app(state_file: Path) -> web.Application:
    """Return the exporter as an aiohttp application."""
    app = web.Application()
    app[STATE_FILE] = state_file
    app.router.add_get("/metrics/{name}", _metrics)
    app.router.add_get("/healthz", _healthz)
    return app


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _metrics(request: web.Request) -> web.Response:
    name, now = request.match_info["name"], time.time()
    state = load(request.app[STATE_FILE])
    if name == "estate":
        return web.Response(text=estate_text(state, now))
    if name not in SYSTEMS:
        raise web.HTTPNotFound(text=f"there is no system {name!r}")
    if is_down(name, state):
        raise web.HTTPServiceUnavailable(text="the application is down")
    return web.Response(text=application_text(name, state, now))


def _text(listed: list[Series], now: float, without: tuple[str, ...] = ()) -> str:
    moves = moves_at([now])
    lines = [f"{one.text(without=without)} {one.values([now], moves)[0]:.10g}" for one in listed]
    return "\n".join(lines) + "\n"


async def _serve(port: int, state_file: Path, ready: Path) -> None:
    runner = web.AppRunner(make_app(state_file), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    announce(ready, {"port": runner.addresses[0][1]})
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    await runner.cleanup()


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--state-file", type=Path, required=True)
    parser.add_argument("--ready", type=Path, required=True)
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.port, arguments.state_file, arguments.ready))


if __name__ == "__main__":
    main()
