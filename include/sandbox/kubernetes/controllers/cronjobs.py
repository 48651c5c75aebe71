"""CronJobs: a job whenever the schedule says so."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from croniter import croniter

from sandbox.kubernetes.clock import parse, stamp
from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.deletion import BACKGROUND, delete
from sandbox.kubernetes.objects import Key, Object, dig, is_deleting, is_true, owner_reference
from sandbox.kubernetes.podjobs import with_job_identity


class CronJobs(Controller):
    """Keeps the schedules."""

    resource = "cronjobs.batch"

    def reconcile(self, key: Key) -> float | None:
        """Create the job that has come due, tidy finished ones, and say when to look again."""
        cron = self.get(key)
        if cron is None or is_deleting(cron):
            return None
        now = self.cluster.clock.now()
        jobs = self.owned(cron, "jobs.batch")
        self._tidy(cron, jobs)
        running = [j for j in jobs if not is_true(j, "Complete") and not is_true(j, "Failed")]
        changes: Object = {"active": [_reference(j) for j in running] or None}
        due = None if cron["spec"].get("suspend") else _last_due(cron, now)
        if due and not (running and cron["spec"]["concurrencyPolicy"] == "Forbid"):
            if cron["spec"]["concurrencyPolicy"] == "Replace":
                for job in running:
                    delete(self.cluster, self.cluster.registry["jobs.batch"], job, BACKGROUND)
            self._create(cron, due)
            changes["lastScheduleTime"] = stamp(due)
        ends = [end for j in jobs if (end := dig(j, "status", "completionTime"))]
        if ends:
            changes["lastSuccessfulTime"] = max(ends)
        self.cluster.set_status(self.resource, cron, **changes)
        if cron["spec"].get("suspend"):
            return None
        return (_schedule(cron, now).get_next(datetime) - now).total_seconds() + 0.01

    def _create(self, cron: Object, due: datetime) -> None:
        template = cron["spec"]["jobTemplate"]
        metadata = {
            **(template.get("metadata") or {}),
            "name": f"{cron['metadata']['name']}-{int(due.timestamp()) // 60}",
            "namespace": cron["metadata"]["namespace"],
            "ownerReferences": [owner_reference(cron)],
        }
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}
        resource = self.cluster.registry["jobs.batch"]
        if self.cluster.get("jobs.batch", (metadata["namespace"], metadata["name"])) is None:
            self.cluster.store.create(resource, with_job_identity(job))
            message = f"Created job {metadata['name']}"
            self.cluster.events.normal(cron, "cronjob-controller", "SuccessfulCreate", message)

    def _tidy(self, cron: Object, jobs: list[Object]) -> None:
        for kind, limit in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
            done = sorted(
                (j for j in jobs if is_true(j, kind)), key=lambda j: str(j["status"].get("startTime"))
            )
            for job in done[: max(len(done) - cron["spec"][limit], 0)]:
                delete(self.cluster, self.cluster.registry["jobs.batch"], job, BACKGROUND)


def _last_due(cron: Object, now: datetime) -> datetime | None:
    """Return the last scheduled time since the one before, or None. Missed ones in between are dropped."""
    since = parse(dig(cron, "status", "lastScheduleTime") or cron["metadata"]["creationTimestamp"])
    last: datetime = _schedule(cron, now).get_prev(datetime)
    return last.astimezone(UTC) if last > since else None


def _schedule(cron: Object, now: datetime) -> croniter:
    zone = ZoneInfo(cron["spec"].get("timeZone") or "UTC")
    return croniter(cron["spec"]["schedule"], now.astimezone(zone))


def _reference(job: Object) -> Object:
    metadata = job["metadata"]
    return {"apiVersion": "batch/v1", "kind": "Job"} | {k: metadata[k] for k in ("name", "namespace", "uid")}
