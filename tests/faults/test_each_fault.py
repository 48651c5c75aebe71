"""The sandbox starts healthy but for the seeded findings; each fault changes what it names, and heals.

The systems' faults are tried concurrently, a system's one after the other, when the first test asks for an
outcome; each fault is a test of its own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from tests.servers.routines import ALONE, Place, Routines

from sandbox import commands
from sandbox.demo.expected import seeded
from sandbox.estate import Estate, PartState
from sandbox.faults.model import Fault

FAULTS = {fault.name: fault for fault in commands.faults()}
SHOWS_SECONDS, HEALS_SECONDS, POLL_SECONDS = 30.0, 45.0, 0.5
SENTENCE = re.compile(
    r"(?:(?P<task>\w+/\w+)|a check of the kind (?P<kind>\w+)): (?P<checks>.+?)"
    r"(?:, seeded as (?P<seeded>\w+),)? becomes? (?P<state>warning|critical|unknown)"
)

States = dict[Place, str]
"""Whatever is not ok."""


def promised(fault: Fault) -> States:
    """Return the findings that a fault says it changes, and what they become."""
    found: States = {}
    for sentence in fault.finding.split("; "):
        match = SENTENCE.fullmatch(sentence)
        assert match, f"{fault.name} does not say which finding changes: {sentence}"
        task = match["task"] or f"{ALONE}/{match['kind']}"
        for check in match["checks"].split(" and "):
            found[Place(fault.system, task, check)] = match["state"]
    return found


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_says_which_findings_change(name: str) -> None:
    assert promised(FAULTS[name])


class Watch:
    """One system's findings, from before the first fault on."""

    def __init__(self, routines: Routines, system_id: str) -> None:
        self.routines, self.system_id = routines, system_id
        self.before = self.states()

    def states(self, tasks: Sequence[str] | None = None) -> States:
        """Return what is not ok among some tasks, by default all."""
        found = self.routines.run(self.system_id, tasks)
        return {place: str(finding.state) for place, finding in found.items() if finding.state != "ok"}

    def differs(
        self, now: States, wanted: Mapping[Place, str], tasks: Sequence[str] | None = None
    ) -> list[str]:
        """Return what is not as it was before the faults, but for what is wanted, a line each."""
        of = {p: s for p, s in self.before.items() if tasks is None or p.task in tasks} | dict(wanted)
        return [
            f"{place} is {now.get(place, 'ok')}, not {of.get(place, 'ok')}"
            for place in sorted(of.keys() | now.keys())
            if now.get(place, "ok") != of.get(place, "ok") and not _is_an_alert(place)
        ]

    def until(self, wanted: Mapping[Place, str], tasks: Sequence[str], seconds: float) -> list[str]:
        """Wait until some tasks find what is wanted and nothing else; return what differs in the end."""
        deadline = time.monotonic() + seconds
        while (wrong := self.differs(self.states(tasks), wanted, tasks)) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return wrong


def _is_an_alert(place: Place) -> bool:
    """A review of alerts tells again what has happened, and goes on telling it once it is over."""
    return place.check.startswith("alert{")


@dataclass(frozen=True)
class Outcome:
    """What came of a fault: lines of what differed while it was there, and after it was healed."""

    broken: Sequence[str]
    healed: Sequence[str]


def _try(fault: Fault, watch: Watch) -> Outcome:
    changes = promised(fault)
    tasks = sorted({place.task for place in changes})
    try:
        commands.fault(fault.name)
        broken = watch.until(changes, tasks, SHOWS_SECONDS) or watch.differs(watch.states(), changes)
    finally:
        commands.heal(fault.name)
    return Outcome(broken, watch.until({}, tasks, HEALS_SECONDS))


@pytest.fixture(scope="module")
def watches(estate: Estate, routines: Routines) -> dict[str, Watch]:
    """Each system's findings before the first fault."""
    with ThreadPoolExecutor() as pool:
        found = pool.map(lambda system_id: Watch(routines, system_id), routines.systems)
        return dict(zip(routines.systems, found, strict=True))


@pytest.fixture(scope="module")
def outcome(
    request: pytest.FixtureRequest, watches: Mapping[str, Watch]
) -> Iterator[Callable[[str], Outcome]]:
    """Return a function that tells what came of a fault; all that were asked for begin at once."""
    asked = {
        str(item.callspec.params["name"])
        for item in request.session.items
        if item.path == request.path and "outcome" in item.fixturenames
    }
    lanes = {system_id: ThreadPoolExecutor(1) for system_id in watches}
    running = {
        name: lanes[fault.system].submit(_try, fault, watches[fault.system])
        for name, fault in FAULTS.items()
        if name in asked
    }
    yield lambda name: running[name].result()
    for lane in lanes.values():
        lane.shutdown(cancel_futures=True)


@pytest.mark.integration
def test_the_sandbox_starts_healthy_but_for_what_is_seeded(
    estate: Estate, watches: Mapping[str, Watch]
) -> None:
    _skip_without(estate, estate.parts)
    found = {
        (place.system, place.task, place.check, state)
        for watch in watches.values()
        for place, state in watch.before.items()
    }
    always, sometimes = (
        {(*_named(one.dag_id, one.task), one.check, one.state) for one in seeded(section)}
        for section in ("findings", "sometimes")
    )
    assert always <= found <= always | sometimes


def _skip_without(estate: Estate, parts: Iterable[str]) -> None:
    missing = [estate.parts[name] for name in parts if estate.parts[name].state is PartState.MISSING]
    if missing:
        pytest.skip("; ".join(f"{part.name}: {part.why}" for part in missing))


def _named(dag_id: str, task: str) -> tuple[str, str]:
    system_id, _, routine = dag_id.partition("_")
    return system_id, f"{routine}/{task}"


@pytest.mark.integration
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_changes_what_it_names_and_heals(
    estate: Estate, outcome: Callable[[str], Outcome], name: str
) -> None:
    _skip_without(estate, FAULTS[name].needs)
    assert outcome(name) == Outcome(broken=[], healed=[])


@pytest.mark.integration
def test_after_all_faults_everything_is_as_it_was(watches: Mapping[str, Watch]) -> None:
    assert [line for watch in watches.values() for line in watch.differs(watch.states(), {})] == []
