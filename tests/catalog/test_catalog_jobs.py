"""Dumps by jobs: what becomes of them, and what the catalog cannot mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.catalog.conftest import Folder

from upkeep.acts.model import By
from upkeep.catalog.check import check_file

JOB = "{image: registry.example/upkeep:1, secrets: [shop-backup]}"
TEXT = """  - name: backup_data
    title: Backup
    purpose: Dumps it.
    cadence: backup
    schedule: "0 */6 * * *"
    owner: oncall
    deadline_minutes: 60
    procedures:
      - {id: my-shop/daily/error-rates, kind: backup, task: data, parameters: {policy: data}}
      - {id: my-shop/daily/error-rates, kind: backup, task: near, parameters: {policy: near}}
workload: {namespace: shop}
resources:
  databases:
    main: {engine: postgres}
backups:
  near:
    title: Near
    what: The data
    method: dump
    location: {kind: s3_objects, connection: my_shop_prometheus, bucket: shop, prefix: near/}
    source: {kind: database}
    encryption: none
  data:
    title: Data
    what: The data
    method: dump
    location: {kind: s3_objects, connection: my_shop_prometheus, bucket: shop, prefix: data/}
    source:
      kind: database
      job: JOB
    encryption: none
  every:
    title: All
    what: All of it
    method: dump
    location: {kind: s3_objects, connection: my_shop_prometheus, bucket: shop, prefix: all/}
    source: {kind: parts, policies: [near]}
    encryption: none
"""


def written(folder: Folder, *changes: tuple[str, str]) -> Path:
    """Write a system with a backup by a job and one by the worker."""
    path = folder.add("my-shop", ("connections:\n", "connections:\n  kubernetes: my_cluster\n"))
    text = path.read_text() + TEXT.replace("JOB", JOB)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return path


def test_a_job_makes_the_backup_whose_policy_says_so(folder: Folder) -> None:
    path = written(folder)
    system, problems = check_file(path)
    assert [str(one) for one in problems if one.level == "error"] == []
    assert system is not None

    [routine] = [plan for plan in folder.catalog().plans() if plan.routine == "backup_data"]

    by_job = {
        f"{task.task_id}.{stage.name}"
        for task in routine.tasks
        for stage in task.stages
        if stage.by == By.JOB
    }
    assert by_job == {"data.make"}


@pytest.mark.parametrize(
    ("old", "new", "at", "said"),
    [
        (
            "secrets: [shop-backup]",
            "secrets: []",
            "secrets: []",
            "backups.data.source.job.secrets",
        ),
        ("secrets: [shop-backup]", "cpu: 250m", "job: {", "the key 'secrets' is missing"),
        ("[shop-backup]", "[Shop_Backup]", "[Shop_Backup]", "backups.data.source.job.secrets[0]"),
        ("upkeep:1,", "upkeep:1, memory: 2GB,", "memory: 2GB", "backups.data.source.job.memory"),
        ("upkeep:1,", "upkeep:1, user: 0,", "user: 0", "backups.data.source.job.user"),
        ("upkeep:1,", "upkeep:1, longest_minutes: 900,", "900", "backups.data.source.job.longest_minutes"),
        ("registry.example/upkeep:1", "'{{ image }}'", "'{{ image }}'", "backups.data.source.job.image"),
        (
            "workload: {namespace: shop}\n",
            "",
            "job: {",
            "backups.data.source.job: the system names no workload, so no namespace for the job",
        ),
        (
            "  kubernetes: my_cluster\n",
            "",
            "job: {",
            "backups.data.source.job: a job needs the system's connection to Kubernetes",
        ),
        (
            "policies: [near]",
            "policies: [near, data]",
            "policies: [near, data]",
            "backups.every.source.policies[1]: 'data' is made by a job, which cannot be part of another",
        ),
    ],
)
def test_what_a_job_cannot_be(folder: Folder, old: str, new: str, at: str, said: str) -> None:
    path = written(folder, (old, new))

    [found] = [str(one) for one in check_file(path)[1] if one.level == "error"]

    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if at in text)
    assert found.startswith(f"{path}:{line}:")
    assert said in found
