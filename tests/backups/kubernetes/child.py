"""One act in a process of its own, which kills itself before its step of a given number.

A step is a request that changes something: of the cluster, of S3, or a run of git.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from typing import Any

import boto3
from tests.backups.kubernetes.shop import IMAGE, until
from tests.servers.cluster import api_client

from upkeep.backups.kubernetes.archive import read_archive
from upkeep.backups.kubernetes.drills import copy_namespace, delete_namespace, drill_target, tear_down
from upkeep.backups.kubernetes.export import NamespaceExport
from upkeep.backups.kubernetes.git import GitConfiguration
from upkeep.backups.kubernetes.recreate import recreate
from upkeep.backups.kubernetes.repository import Repository
from upkeep.backups.kubernetes.snapshots import VolumeSnapshots
from upkeep.backups.kubernetes.wanted import Target
from upkeep.clients.kubernetes import Kubernetes
from upkeep.clients.kubernetes.api import Api
from upkeep.recoveries.volumes import VolumesRecovery

CHANGES = ("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "DeleteObject")


class Steps:
    """Counts the steps."""

    def __init__(self, last: int) -> None:
        self._last, self.done, self._lock = last, 0, threading.Lock()

    def step(self, *_: Any, **__: Any) -> None:
        """Take one step, unless it is the one at which the process ends."""
        with self._lock:
            if self.done == self._last:
                os.kill(os.getpid(), signal.SIGKILL)
            self.done += 1


def main(told: dict[str, Any]) -> None:
    """Do what is told."""
    steps = Steps(told["kill_at"])
    s3 = boto3.client(
        "s3",
        endpoint_url=told["s3"],
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    for change in CHANGES:
        s3.meta.events.register(f"before-call.s3.{change}", steps.step)
    send, run = Api.send, Repository.run

    def counted(self: Api, *arguments: Any, **more: Any) -> Any:
        steps.step()
        return send(self, *arguments, **more)

    def counted_run(self: Repository, *arguments: str, **more: Any) -> str:
        steps.step()
        return run(self, *arguments, **more)

    Api.send, Repository.run = counted, counted_run  # type: ignore[method-assign]
    with api_client(told["url"], told["token"]) as client:
        _act(told, Kubernetes(client, 20).api, s3)
    print(steps.done)


def _act(told: dict[str, Any], api: Api, s3: Any) -> None:
    namespace, act = told["namespace"], told["act"]
    export = NamespaceExport(api, namespace, s3, "backups", f"{namespace}/", (told["recipient"],))
    if act == "export":
        export.make("killed")
    elif act == "snapshots":
        VolumeSnapshots(api, namespace, "volumes").make("killed")
    elif act == "volumes":
        copy = VolumeSnapshots(api, namespace, "volumes").find("one")
        assert copy is not None
        recovery = VolumesRecovery(api, copy, "Volumes", "killed", IMAGE, keep=False)
        plan = recovery.plan()
        recovery.restore(plan)
        until(lambda: recovery.ready(plan), "the pods")
        recovery.clean_up(plan)
    elif act == "git":
        GitConfiguration(api, namespace, told["remote"], (told["recipient"],)).make("killed")
    else:
        copy = export.find("one")
        assert copy is not None
        archive = read_archive(s3, copy, told["identity"])
        if act == "recreate":
            recreate(archive, api, Target(namespace))
        elif act == "drill":
            copy_namespace(archive, api, "killed")
            delete_namespace(api, drill_target(namespace, "killed").namespace, "killed")
            recreate(archive, api, drill_target(namespace, "killed"))
            tear_down(api, "killed")


if __name__ == "__main__":
    main(json.loads(sys.stdin.read()))
