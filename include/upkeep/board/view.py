"""What the board shows and in which order, before it is HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from upkeep.catalog.plans import RoutinePlan
from upkeep.catalog.schedules import next_due
from upkeep.findings import State
from upkeep.ledger.overview import Overview
from upkeep.ledger.tables import DeadlineMiss, Run
from upkeep.reports import build
from upkeep.reports.facts import procedure_of, title_of
from upkeep.reports.view import SKIPPED, moment

LATE, NEVER = "late", "never ran"
ORDER = (State.CRITICAL, State.WARNING, LATE, State.UNKNOWN, NEVER, State.OK, SKIPPED)
"""What a routine can be, what wants most attention first."""
SIGNS = build.SIGNS | {LATE: "!", NEVER: "?"}
LOOKS = {LATE: State.WARNING, NEVER: State.UNKNOWN}
"""Which state's colour the board's own words have."""


@dataclass(frozen=True)
class Link:
    """A link relative to the board's own address, so that it survives a base path before it."""

    text: str
    href: str


@dataclass(frozen=True)
class RunLine:
    """One run as it is shown.

    counts: findings by state, worst first. no_result, skipped, not_asked: titles of procedures.
    finished: the run has its report, so that what has no result will not get one.
    """

    label: str
    moment: str
    kind: str
    finished: bool
    counts: Sequence[tuple[str, int]]
    no_result: Sequence[str]
    skipped: Sequence[str]
    not_asked: Sequence[str]
    links: Sequence[Link]

    @property
    def state(self) -> str | None:
        """The worst of the run, or None while there is nothing to say yet."""
        states = [state for state, _ in self.counts]
        if self.finished and (self.no_result or not (states or self.skipped)):
            states.append(State.UNKNOWN)
        if self.skipped and not states:
            states.append(SKIPPED)
        return min(states, key=ORDER.index, default=None)


@dataclass(frozen=True)
class RoutineLine:
    """One routine. badges: worst first. late: since when, and until when it had time."""

    title: str
    dag_id: str
    badges: Sequence[str]
    runs: Sequence[RunLine]
    late: str | None
    misses: Sequence[Link]


@dataclass(frozen=True)
class SystemCard:
    """One system and its routines, worst first. incidents: the link to those that are open, if any."""

    system: str
    state: str
    incidents: Link | None
    routines: Sequence[RoutineLine]


@dataclass(frozen=True)
class BoardView:
    """The whole board."""

    state: str
    headline: str
    now: str
    incidents: Link
    systems: Sequence[SystemCard]


def board_view(
    plans: Sequence[RoutinePlan], known: Overview, now: datetime, incidents: Mapping[str, int]
) -> BoardView:
    """Return what the board shows of these routines: systems and routines, worst first.

    incidents: how many are open, by system.
    """
    by_system: dict[str, list[RoutineLine]] = {}
    for plan in plans:
        by_system.setdefault(plan.system, []).append(_routine(plan, known, now))
    systems = []
    for system, routines in by_system.items():
        routines.sort(key=lambda routine: ORDER.index(routine.badges[0]))
        link = _incidents(incidents.get(system, 0), system)
        systems.append(SystemCard(system, routines[0].badges[0], link, routines))
    systems.sort(key=lambda card: (ORDER.index(card.state), card.system))
    lines = [routine for card in systems for routine in card.routines]
    return BoardView(
        state=systems[0].state if systems else State.UNKNOWN,
        headline=_headline(lines),
        now=moment(now, ZoneInfo("UTC")),
        incidents=_incidents(sum(incidents.values())) or Link("No open incident", "incidents"),
        systems=systems,
    )


def _incidents(count: int, system: str | None = None) -> Link | None:
    if not count:
        return None
    text = f"{count} open incident{'' if count == 1 else 's'}"
    return Link(text, "incidents" + (f"?{urlencode({'system': system})}" if system else ""))


def _routine(plan: RoutinePlan, known: Overview, now: datetime) -> RoutineLine:
    newest, complete = known.newest.get(plan.dag_id), known.complete.get(plan.dag_id)
    runs = []
    if newest:
        runs.append(_run("Newest run", newest, plan, known))
    if newest and complete and complete.run_id != newest.run_id:
        runs.append(_run("Newest complete run", complete, plan, known))
    late = _late(plan, complete or newest, now)
    misses = [_miss(miss, plan) for miss in known.misses if miss.dag_id == plan.dag_id]
    return RoutineLine(plan.title, plan.dag_id, _badges(runs, complete, late), runs, late, misses)


def _badges(runs: Sequence[RunLine], complete: Run | None, late: str | None) -> list[str]:
    if not runs:
        return [NEVER]
    states = [run.state for run in runs if run.state]
    if complete is None:
        states.append(State.UNKNOWN)  # nobody has looked at everything yet
    worst = min(states, key=ORDER.index)
    if late and worst in (State.OK, SKIPPED):
        return [LATE]  # what was fine then says nothing of now
    return sorted([LATE, worst] if late else [worst], key=ORDER.index)


def _late(plan: RoutinePlan, last: Run | None, now: datetime) -> str | None:
    """Return when the routine was due, if its deadline has passed since without a complete run."""
    if last is None or not plan.schedule:
        return None
    due = next_due(plan.schedule, plan.timezone, last.as_of)
    deadline = due + timedelta(seconds=plan.deadline_seconds)
    if now <= deadline:
        return None
    zone = ZoneInfo(plan.timezone)
    return f"due {moment(due, zone)}, deadline {moment(deadline, zone)}"


def _run(label: str, run: Run, plan: RoutinePlan, known: Overview) -> RunLine:
    key = (run.dag_id, run.run_id)
    counts: Counter[str] = Counter()
    for found in known.counts.get(key, ()):
        counts[found.state] += found.count
    answered = {procedure_of(found.task_id) for found in known.counts.get(key, ())}
    skipped = set(known.skipped.get(key, ())) - answered
    silent = [task.task_id for task in plan.tasks if task.task_id not in answered | skipped]
    not_asked = [task_id for task_id in silent if run.procedures and task_id not in run.procedures]
    finished = key in known.reported
    links = [Link("Report", _address("reports", *key))] if finished else []
    return RunLine(
        label=label,
        moment=moment(run.as_of, ZoneInfo(plan.timezone)),
        kind=f"{run.run_type}, dry run" if run.dry_run else run.run_type,
        finished=finished,
        counts=[(state, counts[state]) for state in ORDER if counts[state]],
        no_result=_titles(task_id for task_id in silent if task_id not in not_asked),
        skipped=_titles(sorted(skipped)),
        not_asked=_titles(not_asked),
        links=[*links, Link("Run in Airflow", _run_address(*key))],
    )


def _titles(task_ids: Iterable[str]) -> list[str]:
    return [title_of(task_id) for task_id in task_ids]


def _miss(miss: DeadlineMiss, plan: RoutinePlan) -> Link:
    return Link(moment(miss.deadline_at, ZoneInfo(plan.timezone)), _run_address(miss.dag_id, miss.run_id))


def _run_address(dag_id: str, run_id: str) -> str:
    """Return the address of Airflow's own page of a run, which is beside the board's folder."""
    return f"../{_address('dags', dag_id)}/{_address('runs', run_id)}"


def _address(*parts: str) -> str:
    return "/".join(quote(part, safe="") for part in parts)


def _headline(routines: Sequence[RoutineLine]) -> str:
    """Return the counts in words: `5 routines: 1 critical, 1 late, 3 ok`."""
    if not routines:
        return "There is no routine that you may read"
    badges = Counter(badge for routine in routines for badge in routine.badges)
    words = ", ".join(f"{badges[badge]} {badge}" for badge in ORDER if badges[badge])
    return f"{len(routines)} routine{'' if len(routines) == 1 else 's'}: {words}"
