"""Where the catalog, its templates and its cache are."""

from __future__ import annotations

import os
from pathlib import Path

INCLUDE = Path(__file__).resolve().parents[2]
"""The folder that holds the package and, beside it, its data: systems, templates, SQL, runbooks."""

TEMPLATES = INCLUDE / "templates"


def systems_folder() -> Path:
    """Return the catalog's folder: `$UPKEEP_SYSTEMS`, or `systems` beside the package."""
    return Path(os.environ.get("UPKEEP_SYSTEMS") or INCLUDE / "systems")


def suite_folder() -> Path:
    """Return the folder of the suite's own file: `$UPKEEP_SUITE`, or `suite` beside the package."""
    return Path(os.environ.get("UPKEEP_SUITE") or INCLUDE / "suite")


def cache_folder() -> Path:
    """Return the folder of the compiled catalog: `$UPKEEP_CACHE`, or one in the user's cache folder."""
    if chosen := os.environ.get("UPKEEP_CACHE"):
        return Path(chosen)
    # Not Path.home(): it fails for a user without a home, who then simply works uncached.
    user_cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(user_cache) / "upkeep" / "catalog"
