"""What every test shares: an Airflow home and a cache of its own, so that nobody's settings count."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parents[1]

# What a run is told: which servers to test against (docs/conformance.md), and to take its time.
_TOLD = {"UPKEEP_CONFORMANCE", "UPKEEP_TEST_BACKUPS", "UPKEEP_TEST_KUBECONFIG"}

for name in [name for name in os.environ if name.startswith(("AIRFLOW_", "UPKEEP_")) and name not in _TOLD]:
    del os.environ[name]

# Before anything imports Airflow, which reads its configuration at once.
_OWN = tempfile.mkdtemp(prefix="upkeep-tests-")
atexit.register(shutil.rmtree, _OWN, ignore_errors=True)
os.environ |= {
    "AIRFLOW_HOME": f"{_OWN}/airflow",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "UPKEEP_CACHE": f"{_OWN}/catalog",
}

# How long an example takes depends on what else the machine does; `make bench` measures.
settings.register_profile(
    "upkeep", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("upkeep")

SLOW = ("acts", "dumps", "files", "kubernetes", "moments", "objects", "physical", "rds", "region")
# `make test-backups` runs these: real programs that are killed and starved take their time.
collect_ignore_glob = [] if "UPKEEP_TEST_BACKUPS" in os.environ else [f"backups/{name}/*" for name in SLOW]

LONGEST = ("airflow", "sandbox", "acts", "board", "faults")
"""Folders that take the longest: begun last, they would keep one worker busy while the other has no more."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest; the order within a folder stays."""
    order = {f"tests/{name}": n for n, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get("/".join(item.nodeid.split("/")[:2]), len(LONGEST)))


class ByFolder(LoadScopeScheduling):
    """Keeps the tests of a folder on one worker: they share servers that take long to start.

    Those of `backups/acts` take longer than two starts, and are kept by file.
    """

    def _split_scope(self, nodeid: str) -> str:
        parts = nodeid.partition("::")[0].split("/")
        depth = 4 if parts[1:3] == ["backups", "acts"] else 3 if parts[1] == "backups" else 2
        return "/".join(parts[:depth])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFolder:
    return ByFolder(config, log)
