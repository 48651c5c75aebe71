"""Kinds of procedures that act; importing this registers them all."""

from upkeep.acts.kinds import (
    backup,
    databases,
    files,
    git,
    instances,
    moments,
    namespaces,
    objects,
    parts,
    region,
    traffic,
    verifying,
    versions,
    volumes,
)

__all__ = [
    "backup",
    "databases",
    "files",
    "git",
    "instances",
    "moments",
    "namespaces",
    "objects",
    "parts",
    "region",
    "traffic",
    "verifying",
    "versions",
    "volumes",
]
