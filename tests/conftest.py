"""What every test shares: an Airflow home and a cache of its own, so that nobody's settings count."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

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


SLOW = ("dumps", "files", "kubernetes", "objects", "physical", "rds", "region")
# `make test-backups` runs these: real programs that are killed and starved take their time.
collect_ignore_glob = [] if "UPKEEP_TEST_BACKUPS" in os.environ else [f"backups/{name}/*" for name in SLOW]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a folder on one worker: they share servers that take long to start."""
    for item in items:
        folder = item.path.relative_to(ROOT).parts[: 3 if "backups" in item.path.parts else 2]
        item.add_marker(pytest.mark.xdist_group("/".join(folder)))
