"""Jobs: pods that run to their end, tried again when they fail."""

from __future__ import annotations

from sandbox.kubernetes.clock import seconds_since
from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.controllers.podset import active, delete_pod, make_pod, ready_count
from sandbox.kubernetes.deletion import BACKGROUND, delete
from sandbox.kubernetes.objects import Key, Object, dig, is_deleting, is_true, with_condition


class Jobs(Controller):
    """Runs the jobs."""

    resource = "jobs.batch"

    def reconcile(self, key: Key) -> float | None:
        """Start what is missing, count what has ended, and finish or fail the job."""
        job = self.get(key)
        if job is None or is_deleting(job):
            return None
        if is_true(job, "Complete") or is_true(job, "Failed"):
            return self._expire(job)
        if job["spec"].get("suspend"):
            self._suspend(job)
            return None
        pods = self.owned(job, "pods")
        succeeded = sum(dig(p, "status", "phase") == "Succeeded" for p in pods)
        failed = sum(dig(p, "status", "phase") == "Failed" for p in pods)
        if reason := self._failure(job, failed):
            self._finish(job, pods, "Failed", reason, succeeded=succeeded, failed=failed)
        elif succeeded >= job["spec"]["completions"]:
            self._finish(job, pods, "Complete", "CompletionsReached", succeeded=succeeded, failed=failed)
        else:
            self._run(job, pods, succeeded, failed)
        return self._deadline(job)

    def _failure(self, job: Object, failed: int) -> str | None:
        if failed > job["spec"]["backoffLimit"]:
            return "BackoffLimitExceeded"
        limit, started = job["spec"].get("activeDeadlineSeconds"), dig(job, "status", "startTime")
        if limit and started and seconds_since(started, self.cluster.clock.now()) >= limit:
            return "DeadlineExceeded"
        return None

    def _run(self, job: Object, pods: list[Object], succeeded: int, failed: int) -> None:
        alive = active(pods)
        missing = min(job["spec"]["parallelism"], job["spec"]["completions"] - succeeded) - len(alive)
        for _ in range(missing):
            name = f"{job['metadata']['name']}-"
            alive.append(make_pod(self.cluster, job, job["spec"]["template"], generateName=name))
            message = f"Created pod: {alive[-1]['metadata']['name']}"
            self.cluster.events.normal(job, "job-controller", "SuccessfulCreate", message)
        stamp, conditions = self.cluster.clock.stamp(), dig(job, "status", "conditions")
        if is_true(job, "Suspended"):
            entry = {"type": "Suspended", "status": "False", "reason": "JobResumed", "message": "Job resumed"}
            conditions = with_condition(conditions, entry, stamp)
        self.cluster.set_status(
            self.resource,
            job,
            conditions=conditions,
            startTime=dig(job, "status", "startTime") or stamp,
            active=len(alive) or None,
            ready=ready_count(alive),
            succeeded=succeeded or None,
            failed=failed or None,
        )

    def _finish(self, job: Object, pods: list[Object], kind: str, reason: str, **counts: int) -> None:
        for pod in active(pods):
            delete_pod(self.cluster, pod)
        stamp = self.cluster.clock.stamp()
        messages = {
            "BackoffLimitExceeded": "Job has reached the specified backoff limit",
            "DeadlineExceeded": "Job was active longer than specified deadline",
            "CompletionsReached": "Reached expected number of succeeded pods",
        }
        conditions = dig(job, "status", "conditions")
        for name in ({"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}[kind], kind):
            entry = {"type": name, "status": "True", "reason": reason, "message": messages[reason]}
            conditions = with_condition(conditions, {**entry, "lastProbeTime": stamp}, stamp)
        self.cluster.set_status(
            self.resource,
            job,
            active=None,
            ready=0,
            succeeded=counts["succeeded"] or None,
            failed=counts["failed"] or None,
            completionTime=stamp if kind == "Complete" else None,
            conditions=conditions,
        )
        record = self.cluster.events.normal if kind == "Complete" else self.cluster.events.warning
        record(job, "job-controller", "Completed" if kind == "Complete" else reason, messages[reason])

    def _suspend(self, job: Object) -> None:
        for pod in active(self.owned(job, "pods")):
            delete_pod(self.cluster, pod)
        stamp = self.cluster.clock.stamp()
        entry = {"type": "Suspended", "status": "True", "reason": "JobSuspended", "message": "Job suspended"}
        conditions = with_condition(dig(job, "status", "conditions"), entry, stamp)
        self.cluster.set_status(self.resource, job, active=None, startTime=None, conditions=conditions)

    def _deadline(self, job: Object) -> float | None:
        limit, started = job["spec"].get("activeDeadlineSeconds"), dig(job, "status", "startTime")
        if not limit:
            return None
        passed = seconds_since(started, self.cluster.clock.now()) if started else 0.0
        return float(max(limit - passed, 0.05))

    def _expire(self, job: Object) -> float | None:
        """Delete a finished job when its time to live is over."""
        lifetime = job["spec"].get("ttlSecondsAfterFinished")
        if lifetime is None:
            return None
        ends = [
            c["lastTransitionTime"]
            for c in job["status"]["conditions"]
            if c["type"] in ("Complete", "Failed")
        ]
        left = lifetime - seconds_since(ends[-1], self.cluster.clock.now())
        if left > 0:
            return float(left)
        delete(self.cluster, self.cluster.registry[self.resource], job, BACKGROUND)
        return None
