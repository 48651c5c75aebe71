"""The nights of the seeded week: scheduled jobs have run, scans and archives are from last night."""

from __future__ import annotations

from datetime import datetime, timedelta

from croniter import croniter

from sandbox.kubernetes.behaviours import RUN_SECONDS
from sandbox.kubernetes.clock import stamp
from sandbox.kubernetes.controllers.scans import REPORTS
from sandbox.kubernetes.objects import Object, owner_reference
from sandbox.kubernetes.seed.gardener import Cron, Gardener

_SCAN_HOUR = 3
_SLACK_SECONDS = 2.0


def finish_history(gardener: Gardener) -> None:
    """Run the scheduled jobs of the last nights, date the scans, and create what comes last."""
    runs: list[tuple[datetime, Cron, Object | None]] = []
    for cron in gardener.crons:
        times = last_runs(cron.schedule, gardener.now, cron.kept)
        owner = _create_cron(gardener, cron, times[-1]) if cron.suffix else None
        runs += [(time, cron, owner) for time in times]
    for time, cron, owner in sorted(runs, key=lambda run: run[0]):
        _run(gardener, time, cron, owner)
    _date_scans(gardener)
    gardener.cluster.clock.freeze(gardener.now - timedelta(minutes=10))
    gardener.add(*gardener.late)


def _create_cron(gardener: Gardener, cron: Cron, last: datetime) -> Object:
    """Create the CronJob, as it is after its last run."""
    stored = gardener.add_one(cron.object())
    return gardener.cluster.set_status("cronjobs.batch", stored, lastScheduleTime=stamp(last))


def last_runs(schedule: str, now: datetime, count: int) -> list[datetime]:
    """Return the last `count` times of a schedule before `now`, oldest first."""
    iterator = croniter(schedule, now)
    return sorted(iterator.get_prev(datetime) for _ in range(count))


def _run(gardener: Gardener, start: datetime, cron: Cron, owner: Object | None) -> None:
    """Run one job as it was run then; one that started just now has been quick."""
    seconds = min(float(cron.seconds), (gardener.now - start).total_seconds() * 0.8)
    job = {"apiVersion": "batch/v1", "kind": "Job", **cron.object()["spec"]["jobTemplate"]}
    template = job["spec"]["template"]
    metadata = {**template["metadata"], "annotations": {RUN_SECONDS: str(seconds)}}
    job["spec"] = {**job["spec"], "template": {**template, "metadata": metadata}}
    job["metadata"] = {
        **job["metadata"],
        "name": f"{cron.app.name}-{start.strftime(cron.suffix)}".rstrip("-"),
        "namespace": cron.app.namespace,
        **({"ownerReferences": [owner_reference(owner)]} if owner else {}),
    }
    gardener.cluster.clock.freeze(start)
    gardener.add(job)
    gardener.cluster.manager.settle(seconds + _SLACK_SECONDS)


def _date_scans(gardener: Gardener) -> None:
    """Let the newest vulnerability reports be from last night."""
    cluster, resource = gardener.cluster, gardener.cluster.registry[REPORTS]
    scanned = gardener.now.replace(hour=_SCAN_HOUR, minute=12, second=0, microsecond=0)
    if scanned > gardener.now:
        scanned -= timedelta(days=1)
    for number, report in enumerate(cluster.all(REPORTS)):
        moment = min(scanned + timedelta(seconds=7 * number), gardener.now)
        body = {**report["report"], "updateTimestamp": stamp(moment)}
        cluster.store.update(resource, {**report, "report": body})
