"""Without a ledger of its own, the command line speaks to the demo that runs in the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from sandbox import process
from sandbox.errors import PartMissing
from sandbox.estate import Estate, PartState
from sandbox.parts.model import Context
from sandbox.parts.platform import CLUSTER
from sandbox.paths import sandbox_folder

UPKEEP = Path(sys.executable).parent / "upkeep"


@pytest.fixture(scope="module")
def state() -> Iterator[Path]:
    """A state folder in which the part of the sandbox runs that has the ledger."""
    # Not below pytest's own folder, which the database's user may not enter when root runs the tests.
    state = Path(tempfile.mkdtemp(prefix="upkeep-cli-", dir="/var/tmp"))
    state.chmod(0o711)
    folder = sandbox_folder(state)
    try:
        try:
            where = CLUSTER.start(Context(folder=folder))
        except PartMissing as e:
            pytest.skip(str(e))
        Estate(folder=folder, state=PartState.UP, parts={"platform": where}).save()
        yield state
    finally:
        for child in process.recorded(folder):
            process.stop(folder, child)
        shutil.rmtree(state, ignore_errors=True)


def upkeep(
    state: Path, *words: str, program: Sequence[str | Path] = (UPKEEP,)
) -> subprocess.CompletedProcess[str]:
    """Run the command as a shell would, with nothing of Airflow in its environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "UPKEEP"))}
    own = {"UPKEEP_STATE": str(state), "AIRFLOW_HOME": str(state / "home")}
    return subprocess.run([*program, *words], env=kept | own, capture_output=True, text=True, check=False)


def test_the_running_demo_is_spoken_to_and_named(state: Path) -> None:
    migrated = upkeep(state, "ledger", "migrate")
    listed = upkeep(state, "incidents")

    said = "upkeep: the ledger is the running demo's; $UPKEEP_LEDGER_URL names another\n"
    assert [migrated.stderr, listed.stderr] == [said, said]
    assert migrated.stdout.startswith("the ledger is at 0")
    assert listed.stdout == "no open incidents\n"


def test_without_a_demo_it_is_said_what_to_set(tmp_path: Path) -> None:
    failed = upkeep(tmp_path, "incidents")

    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr == (
        "upkeep: there is no ledger: set $UPKEEP_LEDGER_URL to "
        "postgresql+psycopg://user:password@host:port/database, or run this where Airflow has the "
        "connection 'upkeep_ledger'; `make demo` starts one to try\n"
    )


def test_an_error_of_the_sandbox_is_one_line(tmp_path: Path) -> None:
    failed = upkeep(tmp_path, "sandbox", "fault", "no-such-fault")

    assert failed.returncode == 1
    assert failed.stderr == ("upkeep: there is no fault 'no-such-fault': `upkeep sandbox fault` lists them\n")


def test_the_image_which_has_no_sandbox_says_so(tmp_path: Path) -> None:
    """Where the module is missing, as in the image, nothing but the sandbox's own commands is."""
    without = "import sys; sys.modules['sandbox'] = None; from upkeep.cli import main; main()"

    asked = upkeep(tmp_path, "sandbox", "status", program=[sys.executable, "-c", without])
    other = upkeep(tmp_path, "incidents", program=[sys.executable, "-c", without])

    assert asked.stderr == (
        "upkeep: this installation has no sandbox; run it from a checkout, after `make setup`\n"
    )
    assert other.stderr.startswith("upkeep: there is no ledger: set $UPKEEP_LEDGER_URL")
