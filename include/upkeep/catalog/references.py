"""What one entry of a system says about another must be true: owners, chains, metrics, connections."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from upkeep.catalog.models import System
from upkeep.catalog.models.backups import (
    BinlogSource,
    DatabaseSource,
    GitExport,
    PartsSource,
    Replica,
    S3Objects,
    job_of,
)
from upkeep.catalog.positions import Path
from upkeep.catalog.problems import Problem, suggest
from upkeep.catalog.read import Document


def check_references(system: System, document: Document) -> Iterator[Problem]:
    """Yield a problem for each reference within the system that leads nowhere."""
    for path, name, known, noun in _references(system):
        if name not in known:
            yield document.problem(path, f"there is no {noun} {name!r}", suggest(name, known, f"{noun}s"))
    yield from _check_ids(system, document)
    yield from _check_values(system, document)
    yield from _warn_of_placeholders(system, document)


SECOND_REGION: Path = ("recovery_targets", "second_region")

Reference = tuple[Path, str, Collection[str], str]
"""Where a name stands, the name, those that are defined, and what they are."""


def _references(system: System) -> Iterator[Reference]:
    yield from _to_owners(system)
    yield from _to_chains(system)
    yield from _to_runbooks_and_metrics(system)
    for name, policy in system.backups.items():
        place: Path = ("backups", name, "location")
        if isinstance(policy.location, Replica):
            yield (*place, "metric"), policy.location.metric, system.metrics, "metric"
        elif not isinstance(policy.location, GitExport):
            known = list(dict.fromkeys(system.connections.values()))
            yield (*place, "connection"), policy.location.connection, known, "connection"
        if isinstance(policy.source, BinlogSource):
            dumps = [
                other
                for other, one in system.backups.items()
                if isinstance(one.location, S3Objects) and isinstance(one.source, DatabaseSource)
            ]
            yield ("backups", name, "source", "dumps"), policy.source.dumps, dumps, "dump"
    if system.recovery_targets and (second := system.recovery_targets.second_region):
        yield (*SECOND_REGION, "lag_metric"), second.lag_metric, system.metrics, "metric"


def _to_owners(system: System) -> Iterator[Reference]:
    for path, owner in (*_listed_owners(system), *_members(system)):
        if owner is not None:
            yield path, owner, system.owners, "owner"
    on_call = [*system.owners, *system.rotations]
    for path, owner in _on_call(system):
        yield path, owner, on_call, "owner"
    for name, owner_entry in system.owners.items():
        if owner_entry.tier:
            yield ("owners", name, "tier"), owner_entry.tier, system.tiers, "tier"


def _listed_owners(system: System) -> Iterator[tuple[Path, str | None]]:
    for index, routine in enumerate(system.routines):
        yield ("routines", index, "owner"), routine.owner
    for index, duty in enumerate(system.duties):
        yield ("duties", index, "owner"), duty.owner
    for name, document in system.documents.items():
        yield ("documents", name, "owner"), document.owner
    for name, runbook in system.runbooks.items():
        yield ("runbooks", name, "escalate_to"), runbook.escalate_to


def _members(system: System) -> Iterator[tuple[Path, str]]:
    for name, rotation in system.rotations.items():
        for index, member in enumerate(rotation.members):
            yield ("rotations", name, "members", index), member


def _on_call(system: System) -> Iterator[tuple[Path, str]]:
    for name, tier in system.tiers.items():
        if tier.on_call:
            yield ("tiers", name, "on_call"), tier.on_call
    for name, chain in system.escalation.chains.items():
        for index, level in enumerate(chain.levels):
            yield ("escalation", "chains", name, "levels", index, "owner"), level.owner


def _to_chains(system: System) -> Iterator[Reference]:
    escalation = system.escalation
    yield ("escalation", "default_chain"), escalation.default_chain, escalation.chains, "chain"
    for key, table in (("by_issue_type", escalation.by_issue_type), ("by_symptom", escalation.by_symptom)):
        for name, chain in table.items():
            yield ("escalation", key, name), chain, escalation.chains, "chain"


def _to_runbooks_and_metrics(system: System) -> Iterator[Reference]:
    for section, entries in (("metrics", system.metrics), ("alerts", system.alerts)):
        for name, entry in entries.items():
            if entry.runbook:
                yield (section, name, "runbook"), entry.runbook, system.runbooks, "runbook"
    for name, slo in system.slos.items():
        if slo.metric:
            yield ("slos", name, "metric"), slo.metric, system.metrics, "metric"
    for name, kpi in system.kpis.items():
        if kpi.slo:
            yield ("kpis", name, "slo"), kpi.slo, system.slos, "objective"
        if kpi.metric:
            yield ("kpis", name, "metric"), kpi.metric, system.metrics, "metric"
    for name, dashboard in system.dashboards.items():
        for index, metric in enumerate(dashboard.metrics):
            yield ("dashboards", name, "metrics", index), metric, system.metrics, "metric"


def _check_ids(system: System, document: Document) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, duty in enumerate(system.duties):
        if duty.id in seen:
            what = f"the duty {duty.id!r} is listed twice"
            yield document.problem(("duties", index, "id"), what, "keep one of the two")
        seen.add(duty.id)
    for index, served in enumerate(system.escalation.serves):
        if served not in seen:
            what = f"{served!r} is no duty of the system"
            yield document.problem(
                ("escalation", "serves", index), what, suggest(served, sorted(seen), "duties")
            )


def _check_values(system: System, document: Document) -> Iterator[Problem]:
    yield from _check_second_region(system, document)
    yield from _check_dump_jobs(system, document)
    for name, end in system.health.items():
        if (end.path is None) == (end.url is None):
            what, fix = "an end point has exactly one of path and url", "write the one that it is reached by"
            yield document.problem(("health", name), what, fix, at_key=True)
    for index, freeze in enumerate(system.calendar.freezes):
        if freeze.last_day < freeze.first_day:
            what = f"the freeze ends on {freeze.last_day}, before it begins on {freeze.first_day}"
            yield document.problem(("calendar", "freezes", index, "last_day"), what, "write a later day")


def _check_second_region(system: System, document: Document) -> Iterator[Problem]:
    second = system.recovery_targets.second_region if system.recovery_targets else None
    if second is None:
        return
    metric = system.metrics.get(second.lag_metric)
    if metric and metric.unit != "seconds":
        what = f"{second.lag_metric!r} is in {metric.unit}, the lag of a replica is needed in seconds"
        yield document.problem((*SECOND_REGION, "lag_metric"), what, "name a metric whose unit is seconds")
    for index, record in enumerate(second.dns):
        if set(record.primary) == set(record.secondary):
            what = f"{record.name} leads to the same in both regions"
            fix = "write what it leads to in the second region"
            yield document.problem((*SECOND_REGION, "dns", index, "secondary"), what, fix)


def _check_dump_jobs(system: System, document: Document) -> Iterator[Problem]:
    by_job = [name for name, policy in system.backups.items() if job_of(policy)]
    for name in by_job:
        place: Path = ("backups", name, "source", "job")
        if system.workload is None:
            what, fix = "the system names no workload, so no namespace for the job", "add 'workload'"
            yield document.problem(place, what, f"{fix}, or let the worker make the dump: remove 'job'")
        if "kubernetes" not in system.connections:
            what = "a job needs the system's connection to Kubernetes"
            yield document.problem(place, what, "add 'kubernetes' to 'connections'")
    for name, policy in system.backups.items():
        for index, part in enumerate(
            policy.source.policies if isinstance(policy.source, PartsSource) else ()
        ):
            if part in by_job:
                what = f"{part!r} is made by a job, which cannot be part of another backup"
                fix = "name a policy without 'job', or leave this part out"
                yield document.problem(("backups", name, "source", "policies", index), what, fix)


def _warn_of_placeholders(system: System, document: Document) -> Iterator[Problem]:
    for section, entries in (("owners", system.owners), ("vendors", system.vendors)):
        for name, entry in entries.items():
            if entry.placeholder:
                what = f"{entry.title} has a placeholder for a contact"
                fix = "fill in the real one and remove 'placeholder'"
                yield replace(document.problem((section, name), what, fix, at_key=True), level="warning")
