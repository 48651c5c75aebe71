"""The seeds' hand: creates objects as a client would, and notes what must happen in later nights."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.kubernetes.behaviours import RUN_SECONDS
from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.certificates import issue
from sandbox.kubernetes.logs import Script
from sandbox.kubernetes.objects import Object
from sandbox.kubernetes.seed.builders import App
from sandbox.kubernetes.writing import create


@dataclass(frozen=True, kw_only=True)
class Cron:
    """A scheduled job. suffix: how its seeded runs are named after their time (strftime).

    Without a suffix it is one job of that very name, run by hand at those times: no CronJob is made.
    """

    app: App
    schedule: str
    seconds: int
    suffix: str = "%Y%m%d"
    kept: int = 3

    def object(self) -> Object:
        """Return the CronJob."""
        app = self.app
        template = app.template()
        template["metadata"]["annotations"] = {RUN_SECONDS: str(self.seconds)}
        template["spec"]["restartPolicy"] = "Never"
        job = {"metadata": {"labels": app.selector}, "spec": {"template": template, "backoffLimit": 1}}
        return {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": app.name, "namespace": app.namespace, "labels": app.selector},
            "spec": {
                "schedule": self.schedule,
                "concurrencyPolicy": "Forbid",
                "successfulJobsHistoryLimit": self.kept,
                "jobTemplate": job,
            },
        }


class Gardener:
    """Creates the seeds. now: the moment at which the seeded past ends."""

    def __init__(self, cluster: Cluster, now: datetime) -> None:
        self.cluster = cluster
        self.now = now
        self.crons: list[Cron] = []
        self.late: list[Object] = []
        """Created last: what would act on every simulated minute."""

    def add(self, *objects: Object) -> None:
        """Create objects as a client would."""
        for obj in objects:
            self.add_one(obj)

    def deploy(self, *apps: App) -> None:
        """Create deployments."""
        self.add(*(app.workload("Deployment") for app in apps))

    def schedule(self, *crons: Cron) -> None:
        """Have jobs run on their schedule, the last few nights included."""
        self.crons += crons

    def certify(self, obj: Object, days_left: float) -> None:
        """Create a certificate that was issued so long ago that `days_left` of its 90 days remain."""
        stored = self.add_one(obj)
        until = self.now + timedelta(days=days_left)
        issue(self.cluster, stored, until - timedelta(days=90), until)

    def write_logs(self, namespace: str, scripts: dict[str, Script]) -> None:
        """Let scripts write the logs of a namespace's apps."""
        for app, script in scripts.items():
            self.cluster.logs.add_script(namespace, app, script)

    def add_one(self, obj: Object) -> Object:
        """Create one object as a client would; return it as stored."""
        resource = self.cluster.registry.of_kind(obj["apiVersion"], obj["kind"])
        if resource is None:
            raise LookupError(f"seed: no resource for {obj['kind']} in {obj['apiVersion']}")
        status = obj.get("status")
        stored = create(self.cluster, resource, obj["metadata"].get("namespace", ""), obj)
        return self.cluster.store.set_status(resource, stored, status) if status else stored
