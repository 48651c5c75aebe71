"""A LocalExecutor whose workers import the heavy clients before their first task, and outlive each other."""

from __future__ import annotations

import multiprocessing
from typing import Any

from airflow.executors import local_executor

from upkeep.executors.dead_readers import DeadReaders
from upkeep.executors.preload import preload


def _run_warm_worker(**kwargs: Any) -> None:
    preload()
    local_executor._run_worker(**kwargs)


class WarmLocalExecutor(local_executor.LocalExecutor):
    """Preloads in the worker and not in the scheduler, whose own memory and start stay as they are.

    Set `AIRFLOW__CORE__EXECUTOR=upkeep.executors.warm_local.WarmLocalExecutor`.
    """

    def start(self) -> None:
        """Make the queues, and watch the one that the workers share."""
        super().start()
        self._dead_readers = DeadReaders(self.activity_queue)

    def _check_workers(self) -> None:
        if any((worker.exitcode or 0) < 0 for worker in self.workers.values()):
            self._dead_readers.killed()
        super()._check_workers()  # type: ignore[no-untyped-call]
        if self._dead_readers.free():
            self.log.warning("a worker was killed while it waited for a task; the others go on")

    def _spawn_worker(self) -> None:
        worker = multiprocessing.Process(
            target=_run_warm_worker,
            kwargs={
                "logger_name": self.log.name,
                "input": self.activity_queue,
                "output": self.result_queue,
                "unread_messages": self._unread_messages,
                "team_conf": self.conf,
            },
        )
        worker.start()
        assert worker.pid is not None  # noqa: S101  it has been started
        self.workers[worker.pid] = worker
