"""Reads the answer of `pgbackrest verify`, which ends with 0 whatever it finds."""

from __future__ import annotations

import re
from typing import Any

from upkeep.backups.model import Copy
from upkeep.backups.physical.segments import parse_segment
from upkeep.backups.physical.stanza import Stanza
from upkeep.errors import BadAnswer

SHOWN = 20
"""Problems that a proof names; the rest is counted."""

_FINDING = re.compile(
    r"P\d+\s+(?:INFO|WARN): (?:invalid (?P<kind>checksum|size|result)|file missing) '?(?P<path>[^\s':]+)"
)
_BACKUP = re.compile(
    r"backup: (?P<label>\S+), status: (?P<status>[\w ]+), total files checked: (?P<files>\d+)"
)
_WAL = re.compile(r"total WAL checked: (\d+)")


def damage(stanza: Stanza, copy: Copy) -> tuple[list[str], dict[str, Any]]:
    """Return what is wrong with the files of a copy and with the WAL that follows it, and the evidence.

    pgBackRest reads the whole repository for it, and does not notice WAL that is missing: `copies` and the
    windows do.
    """
    words = ("verify", "--output=text", "--verbose", "--log-level-console=info")
    output = stanza.call(*words, moves_data=True).output
    states = {found["label"]: found for found in _BACKUP.finditer(output)}
    label = copy.facts["label"]
    if label not in states:
        raise BadAnswer(f"pgbackrest verify of {stanza.name} says nothing about {label}")
    labels = {label, *copy.facts["needs"]}
    first = parse_segment(copy.facts["wal_start"], stanza.segment_bytes)
    problems = []
    for found in _FINDING.finditer(output):
        path = found["path"]
        segment = parse_segment(path.rpartition("/")[2].partition("-")[0], stanza.segment_bytes)
        ours = segment.number >= first.number if segment and first else path.partition("/")[0] in labels
        if ours:
            problems.append(f"{stanza.name}: {_told(found['kind'])}: {path}")
    state = states[label]["status"].strip()
    if state != "valid" and not problems:
        problems.append(f"{stanza.name}: backup {label}: {state}")
    wal = sum(int(number) for number in _WAL.findall(output))
    evidence = {"label": label, "files": int(states[label]["files"]), "wal_segments": wal}
    rest = len(problems) - SHOWN
    return (problems if rest <= 0 else [*problems[:SHOWN], f"and {rest} more"]), evidence


def _told(kind: str | None) -> str:
    return {
        "checksum": "damaged, its checksum is wrong",
        "size": "damaged, its size is wrong",
        "result": "damaged, it cannot be read",
        None: "lost",
    }[kind]
