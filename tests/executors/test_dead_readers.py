"""A reader that is killed while it waits keeps the lock of its queue: the others must not wait for ever."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from multiprocessing.queues import SimpleQueue
from typing import Any

import pytest

from upkeep.executors.dead_readers import DeadReaders

FORK = multiprocessing.get_context("fork")
LONG = 20.0


def read(queue: SimpleQueue[Any], ready: Any, got: Any) -> None:
    ready.set()
    got.put(queue.get())


@pytest.fixture
def queue() -> SimpleQueue[Any]:
    return FORK.SimpleQueue()


@pytest.fixture
def reader(queue: SimpleQueue[Any]) -> Iterator[Callable[[Any], BaseProcess]]:
    started: list[BaseProcess] = []

    def start(got: Any) -> BaseProcess:
        ready = FORK.Event()
        one = FORK.Process(target=read, args=(queue, ready, got))
        one.start()
        started.append(one)
        assert ready.wait(LONG)
        return one

    yield start
    for one in started:
        one.kill()
        one.join()


def wait_until_held(queue: SimpleQueue[Any]) -> None:
    """Wait until a reader waits in the queue with its lock."""
    lock = queue._rlock  # type: ignore[attr-defined]
    while lock.acquire(timeout=0.05):
        lock.release()


def test_after_a_reader_was_killed_while_it_waited_another_gets_the_message(queue, reader) -> None:
    got, watched = FORK.Queue(), DeadReaders(queue, patience_seconds=0.2)
    first = reader(got)
    wait_until_held(queue)
    os.kill(first.pid, signal.SIGKILL)
    first.join()
    reader(got)
    queue.put("task")
    assert not watched.free(), "nobody has said that a reader was killed"

    watched.killed()
    tries = 0
    while not watched.free():
        tries += 1
    assert tries > 1, "a living reader has its time"
    assert got.get(timeout=LONG) == "task"


def test_the_lock_of_a_living_reader_stays_its_own(queue, reader) -> None:
    got, watched = FORK.Queue(), DeadReaders(queue, patience_seconds=0.0)
    reader(got)
    wait_until_held(queue)
    watched.killed()
    assert not watched.free(), "there is no message that anybody leaves lying"
    assert not queue._rlock.acquire(block=False)
    queue.put("task")
    assert got.get(timeout=LONG) == "task"


def test_a_lock_that_nobody_holds_is_left_as_it_is(queue) -> None:
    watched = DeadReaders(queue, patience_seconds=0.0)
    watched.killed()
    queue.put("task")
    assert not watched.free()
    assert queue._rlock.acquire(block=False)
