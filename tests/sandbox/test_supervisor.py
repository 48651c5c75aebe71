from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox import process
from sandbox.errors import PartFailed, PartMissing
from sandbox.estate import Endpoint, PartState, load
from sandbox.parts.model import Context, Part, endpoint
from sandbox.ports import free_port
from sandbox.supervisor import Supervisor

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def sleeper(name: str, after: tuple[str, ...] = (), seen: list[Any] | None = None) -> Part:
    def start(context: Context) -> list[Endpoint]:
        if seen is not None:
            seen.append({other: context.parts[other].state for other in after})
        return [endpoint(name, process.start(context.folder, name, SLEEP), free_port())]

    return Part(names=(name,), costs=f"{name} is lost", start=start, after=after)


def failing(name: str, error: Exception) -> Part:
    def start(_: Context) -> list[Endpoint]:
        raise error

    return Part(names=(name,), costs=f"{name} is lost", start=start)


def run(folder: Path, parts: list[Part]) -> tuple[Supervisor, threading.Thread]:
    supervisor = Supervisor(folder, parts)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    return supervisor, thread


def test_what_fails_is_named_and_the_rest_runs(tmp_path: Path, wait_for: Callable[..., Any]) -> None:
    parts = [
        sleeper("good"),
        failing("absent", PartMissing("x is not installed (apt-get install x)")),
        failing("busy", PartFailed("port 5432 is taken")),
        failing("surprising", ZeroDivisionError("division by zero\nsecond line")),
    ]
    supervisor, thread = run(tmp_path, parts)
    wait_for(lambda: load(tmp_path).state is PartState.UP, "the start")
    estate = load(tmp_path)
    assert {name: part.state.value for name, part in estate.parts.items()} == {
        "good": "up", "absent": "missing", "busy": "failed", "surprising": "failed",
    }  # fmt: skip
    assert estate.parts["absent"].why == "x is not installed (apt-get install x)"
    assert estate.parts["absent"].costs == "absent is lost"
    assert estate.parts["surprising"].why == "ZeroDivisionError: division by zero"
    supervisor.stopping.set()
    thread.join(20)
    assert load(tmp_path).state is PartState.STOPPED
    assert process.recorded(tmp_path) == []


def test_a_part_waits_for_those_before_it_even_if_they_fail(
    tmp_path: Path, wait_for: Callable[..., Any]
) -> None:
    seen: list[Any] = []
    parts = [
        sleeper("last", ("first", "broken"), seen),
        sleeper("first"),
        failing("broken", PartFailed("no")),
    ]
    supervisor, thread = run(tmp_path, parts)
    wait_for(lambda: load(tmp_path).state is PartState.UP, "the start")
    assert seen == [{"first": PartState.UP, "broken": PartState.FAILED}]
    supervisor.stopping.set()
    thread.join(20)


def test_a_part_that_dies_is_seen_and_not_restarted(tmp_path: Path, wait_for: Callable[..., Any]) -> None:
    supervisor, thread = run(tmp_path, [sleeper("mortal"), sleeper("other")])
    wait_for(lambda: load(tmp_path).state is PartState.UP, "the start")
    child = next(child for child in process.recorded(tmp_path) if child.name == "mortal")
    process.find(child.pid, child.started).kill()  # type: ignore[union-attr]
    wait_for(lambda: load(tmp_path).parts["mortal"].state is PartState.FAILED, "the death being seen")
    estate = load(tmp_path)
    assert estate.parts["mortal"].why == "it ended by itself: it left no message"
    assert estate.parts["mortal"].costs == "mortal is lost"
    assert estate.parts["other"].state is PartState.UP
    supervisor.stopping.set()
    thread.join(20)
