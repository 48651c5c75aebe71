"""A Kubernetes control plane of plain processes on loopback, with RBAC on and simulated nodes."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from tests.conformance.control_plane import commands, roles, stages
from tests.conformance.control_plane.certificates import make
from tests.conformance.control_plane.commands import Layout
from tests.conformance.programs.build import STAGES

from sandbox import process
from sandbox.errors import PartFailed

START_SECONDS = 60.0
"""How long each part may take on a busy machine; together they take about ten seconds."""
LOG_LINES = 15


@dataclass(frozen=True)
class Plane:
    """A running control plane. kubeconfig: of an administrator."""

    layout: Layout
    kubeconfig: Path


@contextmanager
def control_plane(programs: Path, folder: Path) -> Iterator[Plane]:
    """Run a control plane until the block ends, whatever ends it.

    programs: the built ones. folder: for state and logs, empty.

    Raises:
        PartFailed: a part does not come up; the message has the end of its log.

    """
    layout = Layout(programs, folder, make(folder / "certificates"))
    try:
        _start(layout, "etcd", commands.etcd(layout), "/health")
        _start(layout, "kube-apiserver", commands.api_server(layout), "/readyz")
        plane = Plane(layout, layout.kubeconfig("admin"))
        roles.make(plane.kubeconfig)
        stages.write(programs / STAGES, layout.stages)
        _launch(layout, "kube-controller-manager", commands.controller_manager(layout))
        _launch(layout, "kube-scheduler", commands.scheduler(layout))
        _launch(layout, "kwok", commands.kwok(layout))
        for name in ("kube-controller-manager", "kube-scheduler", "kwok"):
            _wait(layout, name, "/healthz")
        yield plane
    finally:
        # The last one first: nobody then complains that the API server is gone.
        for child in sorted(process.recorded(folder), key=lambda child: child.started, reverse=True):
            process.stop(folder, child)


@contextmanager
def part(layout: Layout, name: str, command: list[str], health: str) -> Iterator[None]:
    """Run one more part until the block ends."""
    child = _start(layout, name, command, health)
    try:
        yield
    finally:
        process.stop(layout.folder, child)


def _start(layout: Layout, name: str, command: list[str], health: str) -> process.Child:
    child = _launch(layout, name, command)
    _wait(layout, name, health)
    return child


def _launch(layout: Layout, name: str, command: list[str]) -> process.Child:
    return process.start(layout.folder, name, command)


def _wait(layout: Layout, name: str, health: str) -> None:
    child = next(child for child in process.recorded(layout.folder) if child.name == name)
    try:
        process.wait_until(child, _healthy(layout, name, health), START_SECONDS)
    except PartFailed as e:
        raise PartFailed(f"{name} did not come up: {e}\n{_last_lines(child)}") from e


def _healthy(layout: Layout, name: str, health: str) -> Callable[[], bool]:
    own = layout.certificates
    context = ssl.create_default_context(cafile=own.authority)
    context.load_cert_chain(own.certificate("admin"), own.key("admin"))
    url = f"https://127.0.0.1:{layout.ports[name]}{health}"

    def ask() -> bool:
        try:
            return httpx.get(url, verify=context, timeout=2, trust_env=False).is_success
        except httpx.TransportError:
            return False

    return ask


def _last_lines(child: process.Child) -> str:
    return "\n".join(Path(child.log).read_text(errors="replace").splitlines()[-LOG_LINES:])
