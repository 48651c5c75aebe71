"""Prometheus with 90 days of history, and the exporter that continues it."""

from __future__ import annotations

from sandbox import process, programs
from sandbox.estate import Endpoint
from sandbox.parts.model import Context, Part, endpoint, start_server
from sandbox.parts.waiting import answers_200
from sandbox.ports import LOOPBACK, choose_port


def start(context: Context) -> list[Endpoint]:
    """Write the history up to now, then start the exporter and Prometheus."""
    for program in ("prometheus", "promtool"):
        programs.find(program)
    from sandbox.prometheus import prepare, prometheus_arguments
    from sandbox.prometheus.state import STATE_FILE

    folder = context.folder / "prometheus"
    state = folder / STATE_FILE
    wanted = ("--state-file", state, "--port", str(choose_port(context.folder, "exporter")))
    exporter, where = start_server(context, "exporter", "sandbox.prometheus.exporter", wanted)
    exporter_url = f"http://{LOOPBACK}:{where['port']}"
    alertmanager = context.port("alertmanager")
    prepare(folder, f"http://{LOOPBACK}:{alertmanager}" if alertmanager else None, exporter_url)
    port = choose_port(context.folder, "prometheus")
    child = process.start(context.folder, "prometheus", prometheus_arguments(folder, port))
    url = f"http://{LOOPBACK}:{port}"
    process.wait_until(child, lambda: answers_200(f"{url}/-/ready"))
    return [
        endpoint("prometheus", child, port, url=url, details={"state_file": str(state)}),
        endpoint("exporter", exporter, where["port"], url=exporter_url),
    ]


PART = Part(
    names=("prometheus", "exporter"),
    costs=programs.PROGRAMS["prometheus"].costs,
    start=start,
    after=("alertmanager",),
)
