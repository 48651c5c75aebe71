"""`upkeep alertmanager-token`: the file that Alertmanager reads holds a good token."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from tests.airflow.waiting import wait_for
from tests.board.fab.conftest import PASSWORD, Installation
from tests.board.test_alertmanager import payload

UPKEEP = Path(sys.executable).parent / "upkeep"


@pytest.fixture
def url(installation: Installation) -> str:
    return installation.url.replace("://", f"://alertmanager:{PASSWORD}@")


def environment(**own: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "UPKEEP"))}
    return kept | own


def fetched(file: Path, **own: str) -> subprocess.CompletedProcess[str]:
    command = [UPKEEP, "alertmanager-token", "--write", file]
    return subprocess.run(command, env=environment(**own), capture_output=True, text=True, check=False)


def accepted(installation: Installation, file: Path) -> bool:
    headers = {"Authorization": f"Bearer {file.read_text()}"}
    address = f"{installation.url}/upkeep/api/alertmanager"
    return httpx.post(address, json=payload(), headers=headers).status_code == 200


def test_the_token_is_good_for_the_webhook_and_private(
    installation: Installation, url: str, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("an old one")
    file.chmod(0o644)

    done = fetched(file, UPKEEP_AIRFLOW_URL=url)

    assert (done.returncode, done.stderr) == (0, "")
    assert accepted(installation, file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]
    [until] = re.findall(r"the token is good until (.*) UTC", done.stdout)
    good_for = datetime.fromisoformat(until).replace(tzinfo=UTC) - datetime.now(UTC)
    assert timedelta(hours=23) < good_for <= timedelta(hours=24)


def test_a_connection_of_airflow_serves_too(installation: Installation, tmp_path: Path) -> None:
    where = httpx.URL(installation.url)
    connection = {"conn_type": "http", "host": where.host, "port": where.port, "login": "alertmanager",
                  "password": PASSWORD}  # fmt: skip
    file, home = tmp_path / "token", str(tmp_path / "home")

    done = fetched(file, AIRFLOW_CONN_UPKEEP_ALERTMANAGER_USER=json.dumps(connection), AIRFLOW_HOME=home)

    assert done.returncode == 0, done.stderr
    assert accepted(installation, file)


def test_what_is_wrong_is_one_line_without_the_password_and_the_file_stays(url: str, tmp_path: Path) -> None:
    file, home = tmp_path / "token", str(tmp_path / "home")
    file.write_text("an old one")
    wrong = {
        "refused the user 'alertmanager' (401)": url.replace(PASSWORD, "hunter2"),
        "does not answer": "http://alertmanager:hunter2@127.0.0.1:9",
        "is no address with a user and a password": "http://127.0.0.1:9/hunter2",
    }
    for said, address in wrong.items():
        done = fetched(file, UPKEEP_AIRFLOW_URL=address)
        assert done.returncode == 1
        assert said in done.stderr
        assert done.stderr.startswith("upkeep: ")
        assert done.stderr.count("\n") == 1
        assert "hunter2" not in done.stderr
    assert "make Airflow's connection 'upkeep_alertmanager_user'" in fetched(file, AIRFLOW_HOME=home).stderr
    nowhere = tmp_path / "none" / "token"
    assert f"cannot write {nowhere}: No such file" in fetched(nowhere, UPKEEP_AIRFLOW_URL=url).stderr
    assert file.read_text() == "an old one"


def test_it_goes_on_also_after_something_went_wrong(
    installation: Installation, url: str, tmp_path: Path
) -> None:
    file, log = tmp_path / "later" / "token", tmp_path / "log"
    command = [UPKEEP, "alertmanager-token", "--write", file, "--every", "0.02"]
    with log.open("w") as out:
        running = subprocess.Popen(command, env=environment(UPKEEP_AIRFLOW_URL=url), stdout=out, stderr=out)
        try:
            wait_for(lambda: f"cannot write {file}" in log.read_text(), "what is wrong")
            file.parent.mkdir()
            wait_for(file.exists, "the token")
            first = file.stat().st_ino
            wait_for(lambda: file.stat().st_ino != first, "the next token")
            assert accepted(installation, file)
            assert running.poll() is None
        finally:
            running.terminate()
            running.wait(timeout=10)
