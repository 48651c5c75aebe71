"""The bench itself: what does not come up says why, and nothing outlives a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conformance.cluster import ROOT
from tests.conformance.control_plane.plane import Plane, control_plane
from tests.conformance.programs.build import kubernetes_version, programs

from sandbox import process
from sandbox.errors import PartFailed

# Not on a cluster that was given: then nothing is built.
pytestmark = pytest.mark.usefixtures("plane")

PARTS = {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"}
RUN = """
import pathlib, signal, sys, time
from tests.conformance.control_plane.plane import control_plane
from tests.conformance.programs.build import programs
# A run in the background of a shell ignores it, and so would this one.
signal.signal(signal.SIGINT, signal.default_int_handler)
with control_plane(programs(), pathlib.Path(sys.argv[1])):
    print("up", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """The programs, of which the API server only complains."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for file in programs().iterdir():
        (folder / file.name).symlink_to(file)
    server = folder / "kube-apiserver"
    server.unlink()
    server.write_text("#!/bin/sh\necho first line\necho the disk is full\nexit 1\n")
    server.chmod(0o700)
    return folder


def test_a_part_that_does_not_come_up_is_named_with_its_log(broken: Path, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    with (
        pytest.raises(PartFailed, match=r"(?s)kube-apiserver did not come up.*first line\nthe disk is full"),
        control_plane(broken, folder),
    ):
        pass
    assert list((folder / "run").iterdir()) == []


def test_nothing_outlives_an_interrupted_run(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/include"}
    command = [sys.executable, "-c", RUN, str(tmp_path)]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "up\n"
        children = process.recorded(tmp_path)
        run.send_signal(signal.SIGINT)
        try:
            run.wait(30)
        finally:
            run.kill()
    assert {child.name for child in children} == PARTS
    assert [child.name for child in children if process.alive(child)] == []


def test_kubectl_and_the_server_are_of_the_same_version(plane: Plane) -> None:
    kubectl = programs() / "kubectl"
    command = [kubectl, "--kubeconfig", plane.kubeconfig, "version", "--output=json"]
    said = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert said["clientVersion"]["gitVersion"] == said["serverVersion"]["gitVersion"] == kubernetes_version()
