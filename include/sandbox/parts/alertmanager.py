"""Alertmanager, which sends what fires to the capture server."""

from __future__ import annotations

from sandbox import process, programs
from sandbox.estate import Endpoint
from sandbox.parts.model import Context, Part, endpoint
from sandbox.parts.waiting import answers_200
from sandbox.ports import LOOPBACK, choose_port


def start(context: Context) -> list[Endpoint]:
    """Start it; what it remembers of earlier starts is kept."""
    programs.find("prometheus-alertmanager")
    from sandbox.prometheus import alertmanager_arguments, prepare_alertmanager

    folder = context.folder / "alertmanager"
    capture = context.port("capture")
    prepare_alertmanager(folder, f"http://{LOOPBACK}:{capture}/alertmanager" if capture else None)
    port = choose_port(context.folder, "alertmanager")
    child = process.start(context.folder, "alertmanager", alertmanager_arguments(folder, port))
    url = f"http://{LOOPBACK}:{port}"
    process.wait_until(child, lambda: answers_200(f"{url}/-/ready"))
    return [endpoint("alertmanager", child, port, url=url)]


PART = Part(
    names=("alertmanager",),
    costs=programs.PROGRAMS["prometheus-alertmanager"].costs,
    start=start,
    after=("capture",),
)
