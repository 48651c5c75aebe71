"""Where a restic repository is, as its program is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class ResticPlace:
    """location: restic's own. password_file: readable by its owner only. environment: AWS credentials."""

    location: str
    password_file: Path
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
