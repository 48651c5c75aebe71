"""Builds the control plane's programs from the Go module proxy, once for each version.

They are kept in `$XDG_CACHE_HOME/upkeep/control-plane/<key>/` (`~/.cache` by default). The key is the digest
of what decides their bytes: the modules' versions and checksums, Go's version and the machine's architecture.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
COSTS = "nothing is proven on a real Kubernetes API"
"""What it costs when the programs cannot be had."""


class CannotBuild(Exception):
    """A program cannot be had; the message is one line that says why and what to do."""


@dataclass(frozen=True)
class Program:
    """A program: its name, the folder of its Go module, and its package."""

    name: str
    module: str
    package: str


PROGRAMS = (
    Program("etcd", "kubernetes", "go.etcd.io/etcd/server/v3"),
    Program("kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver"),
    Program("kube-controller-manager", "kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    Program("kube-scheduler", "kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler"),
    Program("kubectl", "kubernetes", "k8s.io/kubernetes/cmd/kubectl"),
    Program("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    Program("metrics-server", "metrics-server", "sigs.k8s.io/metrics-server/cmd/metrics-server"),
)

STAGES = "stages.yaml"
"""The file, beside the programs, that says what kwok does with nodes and pods, and what they use."""
STAGE_FILES = (
    "stage/node/fast/node-initialize.yaml",
    "stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "stage/pod/fast/pod-ready.yaml",
    "stage/pod/fast/pod-delete.yaml",
    "metrics/resource/metrics-resource.yaml",
    "metrics/usage/usage-from-annotation.yaml",
)
"""kwok's own defaults, which come with its source and not in its program."""


def programs() -> Path:
    """Return the folder of the programs; those that are missing are built first, with a line for each.

    Raises:
        CannotBuild: Go is absent or too old, or a module cannot be fetched or compiled.

    """
    folder = _cache() / "control-plane" / _key(_go_version())
    folder.mkdir(parents=True, exist_ok=True)
    with _lock(folder.with_name(f"{folder.name}.lock")):
        for program in PROGRAMS:
            if not (folder / program.name).exists():
                _build(program, folder)
        if not (folder / STAGES).exists():
            _copy_stages(folder)
    return folder


def kubernetes_version() -> str:
    """Return the version of Kubernetes that is built: `v1.36.3`."""
    return _required("kubernetes", "k8s.io/kubernetes")


def _required(module: str, package: str) -> str:
    found = re.search(rf"{re.escape(package)} (v\S+)", (HERE / module / "go.mod").read_text())
    assert found, f"{module}/go.mod does not require {package}"
    return found[1]


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "upkeep"


def _go_version() -> str:
    """Return the version that builds: Go itself fetches a newer one where its settings allow that."""
    if shutil.which("go") is None:
        raise CannotBuild("Go is not installed (https://go.dev/dl, 1.26 or newer)")
    return _go(["env", "GOVERSION", "GOOS", "GOARCH"], HERE / "kubernetes").replace("\n", " ").strip()


def _key(go_version: str) -> str:
    digest = hashlib.sha256(f"{go_version} {PROGRAMS} {STAGE_FILES}".encode())
    for file in sorted(HERE.glob("*/go.*")):
        digest.update(file.read_bytes())
    return f"{kubernetes_version()}-{digest.hexdigest()[:12]}"


def _build(program: Program, folder: Path) -> None:
    """Build beside the place and move it there: a program that is half written is never found."""
    started = time.monotonic()
    print(f"building {program.name} ({program.package}) ...", flush=True)
    with tempfile.TemporaryDirectory(dir=folder) as draft:
        made = Path(draft) / program.name
        _go(
            ["build", "-trimpath", "-ldflags", _link_flags(program), "-o", str(made), program.package],
            HERE / program.module,
        )
        made.rename(folder / program.name)
    print(f"built {program.name} in {time.monotonic() - started:.0f} s", flush=True)


def _copy_stages(folder: Path) -> None:
    source = json.loads(_go(["mod", "download", "-json", "sigs.k8s.io/kwok"], HERE / "kwok"))["Dir"]
    draft = folder / f"{STAGES}.draft"
    draft.write_text("\n---\n".join(Path(source, "kustomize", name).read_text() for name in STAGE_FILES))
    draft.rename(folder / STAGES)


def _link_flags(program: Program) -> str:
    """Leave out debugging tables, and tell Kubernetes its version, which its own build does by flags."""
    version = _required("kubernetes", "k8s.io/kubernetes")
    major, minor, _ = version.removeprefix("v").split(".")
    stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    stamped = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in stamps.items())
    return f"-s -w {stamped}" if program.module == "kubernetes" else "-s -w"


def _go(arguments: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(
            ["go", *arguments],
            cwd=folder,
            env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"},
            capture_output=True,
            text=True,
            check=True,
        )
    except subprocess.CalledProcessError as e:
        raise CannotBuild(f"`go {arguments[0]} {arguments[-1]}` failed: {_reason(e.stderr)}") from e
    return done.stdout


def _reason(said: str) -> str:
    """Return what Go said last that is not progress, on one line."""
    lines = [
        line.strip() for line in said.splitlines() if line.strip() and not line.startswith("go: downloading")
    ]
    return " ".join((lines or ["it left no message"])[-1].split())[:300]


@contextmanager
def _lock(file: Path) -> Iterator[None]:
    """Let one run at a time build."""
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
