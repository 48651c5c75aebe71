"""Kinds of procedures that act; importing this registers them all."""

from upkeep.acts.kinds import (
    backup,
    databases,
    files,
    instances,
    moments,
    namespaces,
    objects,
    region,
    verifying,
)

__all__ = [
    "backup",
    "databases",
    "files",
    "instances",
    "moments",
    "namespaces",
    "objects",
    "region",
    "verifying",
]
