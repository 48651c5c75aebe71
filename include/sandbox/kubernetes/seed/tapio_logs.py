"""What Tapio's parts write: the lines that its guide looks for among them."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from sandbox.kubernetes.objects import Object
from sandbox.kubernetes.podstatus import image_digest
from sandbox.kubernetes.seed.archive import archive_lines
from sandbox.kubernetes.seed.scripts import Pattern, at_start, chatter, nightly, together
from sandbox.kubernetes.vulnerabilities import count_by_severity, vulnerabilities_of

_TASKS = (
    ("health-check", 31),
    ("log-rotation", 182),
    ("backup-verification", 244),
    ("performance-metrics", 48),
    ("security-scan-report", 12),
)
_SCANNED = ("tapio:v1.2.3", "tapio-agent:v1.2.3", "tapio-dashboard:v1.2.3", "backup-manager:v1.2.3")


def _daily_tasks(midnight: datetime) -> list[str]:
    day = (midnight - timedelta(days=1)).date()
    lines = [f"INFO daily-tasks started day={day}"]
    lines += [f"INFO daily-tasks task={task} status=ok duration_seconds={took}" for task, took in _TASKS]
    total = sum(took for _, took in _TASKS)
    return [*lines, f"INFO daily-tasks completed day={day} failed=0 duration_seconds={total}"]


def _growth(midnight: datetime) -> list[str]:
    dice = random.Random(midnight.toordinal())
    rates = {"cpu": 1.1, "memory": 1.6, "storage": 2.4, "network": 0.9}
    return [
        f"INFO growth-rate resource={name} percent_per_week={rate + dice.uniform(-0.2, 0.2):.2f}"
        for name, rate in rates.items()
    ]


def _summary(midnight: datetime) -> list[str]:
    dice = random.Random(midnight.toordinal() + 1)
    events = 41_000_000 + dice.randint(-900_000, 900_000)
    return [f"INFO monthly-summary until={midnight.date()} events={events} p95_ms={dice.uniform(80, 95):.1f}"]


def _scan(_: Object) -> list[str]:
    lines = ["INFO scan started scanner=trivy"]
    totals = dict.fromkeys(("CRITICAL", "HIGH", "MEDIUM", "LOW"), 0)
    for image in _SCANNED:
        counts = count_by_severity(vulnerabilities_of(image))
        shown = " ".join(f"{severity.lower()}={counts[severity]}" for severity in totals)
        lines.append(f"INFO scanned image={image} digest={image_digest(image)} {shown}")
        totals = {severity: total + counts[severity] for severity, total in totals.items()}
    shown = " ".join(f"{severity.lower()}={total}" for severity, total in totals.items())
    return [*lines, f"INFO scan completed images={len(_SCANNED)} {shown}"]


def _backup(pod: Object) -> list[str]:
    part = pod["metadata"]["labels"].get("part", "all")
    lines = [f"INFO backup started kind={part}"]
    lines += [f"INFO backup part={name} status=ok" for name in ("configuration", "application-state", "logs")]
    return [*lines, f"INFO backup completed kind={part} target=s3://tapio-backups encrypted=true"]


SCRIPTS = {
    # The guide's awk reads the fifth word of a response_time line.
    "tapio-server": chatter(
        Pattern("INFO http response_time {ms} path=/v1/events status=200", 140),
        Pattern("INFO cache cache_hit_rate {share}", 24),
        Pattern("WARN db slow_query {ms} ms table=events id={id}", 5),
        Pattern("ERROR correlator rule evaluation failed: timeout after {ms} ms rule=network-partition", 3),
        Pattern("ERROR ingest dropped batch: queue full size={n} id={id}", 2),
    ),
    "tapio-agent": chatter(
        Pattern("INFO agent heartbeat events={n} lag_ms={ms}", 96),
        Pattern("ERROR agent send failed: connection reset by peer attempt={n}", 1.5),
    ),
    "tapio-dashboard": chatter(Pattern("INFO http GET /overview 200 {ms}ms", 48)),
    "log-archiver": nightly(0, 1, archive_lines),
    "maintenance-controller": together(
        nightly(0, 0, _daily_tasks), chatter(Pattern("INFO controller reconciled objects={n}", 24))
    ),
    "capacity-planner": nightly(4, 0, _growth),
    "metrics-collector": together(
        nightly(5, 0, _summary), chatter(Pattern("INFO collector scraped targets={n} duration_ms={ms}", 48))
    ),
    "metrics-analyzer": nightly(6, 0, lambda day: [f"INFO analyzer report ready day={day.date()}"]),
    "network-monitor": chatter(Pattern("INFO probe target=tapio-server rtt_ms={ms} loss=0", 48)),
    "vulnerability-scan": at_start(_scan),
    "backup": at_start(_backup),
    "backup-manager": chatter(Pattern("INFO manager schedule checked jobs={n}", 24)),
}
