"""Dumps that a job in Kubernetes makes, next to the database, while no worker waits."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from upkeep.backups.dumps.dump import Dump
from upkeep.backups.dumps.jobfaults import JOBS, failure, stuck
from upkeep.backups.kubernetes.waiting import wait_until_none
from upkeep.backups.model import Copy, Proof
from upkeep.backups.provider import WORKER
from upkeep.clients.answers import NotFoundError, child, text
from upkeep.clients.kubernetes import reading
from upkeep.clients.kubernetes.api import Api, join
from upkeep.errors import PermanentError, TemporaryError

NAME = "upkeep.io/backup-name"
"""Annotation of a job: the copy that it makes."""
LONGEST_NAME = 58
"""Characters: Airflow's operator puts `job-` in front, and Kubernetes allows 63."""
DELETE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class JobOrder:
    """A job that is to be made: plain values, nothing secret.

    name: without Kubernetes' prefix `job-`; `` in what is common to all of a policy. secrets: whose entries
    become the pod's environment. arguments: of the program `upkeep`. cpu and memory: as Kubernetes writes
    them. user: its number. longest_seconds: after which the job is ended.
    """

    namespace: str
    image: str
    secrets: Sequence[str]
    arguments: Sequence[str]
    cpu: str
    memory: str
    user: int
    longest_seconds: int
    service_account: str | None = None
    name: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)

    def of(self, copy: str) -> JobOrder:
        """Return the order of the job that makes one copy: its name follows from the copy's."""
        arguments = [*self.arguments, copy]
        return replace(self, name=job_name(copy), arguments=arguments, annotations={NAME: copy})

    @property
    def object_name(self) -> str:
        """The job's name in Kubernetes."""
        return f"job-{self.name}"


def job_name(copy: str) -> str:
    """Return the name of the job that makes a copy; a long one ends in its digest.

    >>> job_name("database-20261121t020000z-1a2b3c4d")
    'database-20261121t020000z-1a2b3c4d'
    """
    if len(copy) <= LONGEST_NAME:
        return copy
    digest = hashlib.sha256(copy.encode()).hexdigest()[:12]
    return f"{copy[: LONGEST_NAME - 13].rstrip('-')}-{digest}"


@dataclass(frozen=True, kw_only=True)
class DumpsByJob:
    """Dumps of one database (upkeep.backups.model.Method and Awaited).

    dumps: what a worker can do with them; it never logs in to the database. order: what is common to all
    jobs. start: makes a job, at once. Everything else is found by names: the copy in S3, the job in its
    namespace. A repeat finds both, so there is never a second job of one copy at work.
    """

    dumps: Dump
    api: Api
    order: JobOrder
    start: Callable[[JobOrder], None] = WORKER.start_job
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    poll_seconds: float = 10

    def find(self, name: str) -> Copy | None:
        """Return the copy of this name if it is finished."""
        return self.dumps.find(name)

    def begin(self, name: str) -> object:
        """Begin the job that makes the copy of this name, or find it at work or done.

        One that has ended without a copy is deleted, with its pods, and begun anew. Raises PermanentError
        where a job of that name is not ours, TemporaryError where an ended one does not go.
        """
        order = self.order.of(name)
        if self.find(name) is not None:
            return order.object_name
        there = self._job(order)
        if there is not None:
            self._must_be_ours(there, name, order)
            if not _ended(there):
                return order.object_name
            self._delete(order, there)
        self.start(order)
        return order.object_name

    def ready(self, name: str) -> Copy | None:
        """Return the copy of this name, None while its job is at work; call it after `begin`.

        Raises PermanentError with the reason, and the last lines of its log, where the job failed, cannot
        start, is gone, or ended well without a copy. One that cannot start is deleted, so that a repeat of
        `begin` makes another.
        """
        order = self.order.of(name)
        job = self._job(order)  # before the copy: one that ends between the two has left its copy
        copy = self.find(name)
        if copy is not None:
            return copy
        where = self._where(order)
        if job is None:
            raise PermanentError(f"{where} is gone, and {name} is not in {self.dumps.where}: begin it again")
        self._must_be_ours(job, name, order)
        said = reading.job(job)
        if said.complete:
            raise PermanentError(
                f"{where} ended well, and {name} is not in {self.dumps.where}: does its connection to S3 "
                "lead elsewhere than the worker's?"
            )
        if said.failure:
            raise PermanentError(f"{where} failed: {failure(self.api, job)}")
        if why := stuck(self.api, job, self.now()):
            self._delete(order, job)
            raise PermanentError(f"{where} cannot start, and was deleted: {why}")
        return None

    def make(self, name: str) -> Copy:
        """Make the copy of this name and wait until it is there: for one who may wait."""
        self.begin(name)
        until = time.monotonic() + self.order.longest_seconds
        while (copy := self.ready(name)) is None:
            if time.monotonic() >= until:
                raise TemporaryError(f"{self._where(self.order.of(name))} has not ended; wait again")
            time.sleep(self.poll_seconds)
        return copy

    def copies(self) -> Iterator[Copy]:
        """Yield all dumps that are there, unfinished ones with their problems."""
        return self.dumps.copies()

    def delete(self, copies: Sequence[Copy]) -> None:
        """Delete dumps; one that is held is a PermanentError."""
        self.dumps.delete(copies)

    def check(self, copy: Copy, before: Sequence[Proof] = ()) -> list[Proof]:
        """Examine a dump up to its checksums, on the worker."""
        return self.dumps.check(copy, before)

    def _where(self, order: JobOrder) -> str:
        return f"the job {order.namespace}/{order.object_name} on {self.api.host}"

    def _job(self, order: JobOrder) -> dict[str, Any] | None:
        try:
            return self.api.get(join(JOBS, order.namespace, "jobs", order.object_name))
        except NotFoundError:
            return None

    def _must_be_ours(self, job: Mapping[str, Any], name: str, order: JobOrder) -> None:
        of = child(child(job, "metadata"), "annotations").get(NAME)
        if of != name:
            raise PermanentError(
                f"{self._where(order)} is not one of ours for {name} (its annotation {NAME} says {of!r}): "
                "look whose it is, and delete or rename it"
            )

    def _delete(self, order: JobOrder, job: Mapping[str, Any]) -> None:
        """Delete a job and wait until its pods are gone, so that none is at work beside the next."""
        uid = text(child(job, "metadata"), "uid")
        options = {"propagationPolicy": "Foreground", "preconditions": {"uid": uid}}
        path = join(JOBS, order.namespace, "jobs", order.object_name)
        try:
            self.api.send("DELETE", path, options)
        except NotFoundError:
            return

        def there() -> list[str]:
            found = self._job(order)
            return [uid] if found and text(child(found, "metadata"), "uid") == uid else []

        if wait_until_none(there, DELETE_SECONDS):
            raise TemporaryError(
                f"{self._where(order)} was deleted and is still there after {DELETE_SECONDS:.0f} s; try again"
            )


def _ended(job: Mapping[str, Any]) -> bool:
    """Return whether a job is over, or on its way out."""
    said = reading.job(dict(job))
    return said.complete or said.failure is not None or bool(child(job, "metadata").get("deletionTimestamp"))
