"""The descriptions of AWS's services are read once by a worker, and shared by its tasks' sessions."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest
from botocore.utils import parse_timestamp
from hypothesis import given
from hypothesis import strategies as st

from upkeep.executors.aws_sessions import parse_time

# In a process of its own, for what it has read stays read.
SHARED = """
import os
from botocore.loaders import JSONFileLoader
from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from upkeep.executors.aws_sessions import SERVICES, read_services, ready_session

read = []
load = JSONFileLoader.load_file
JSONFileLoader.load_file = lambda self, path: read.append(path) or load(self, path)
read_services()
ready_session()
assert read, "nothing was read ahead"
read.clear()
for service in SERVICES:
    client = AwsBaseHook(aws_conn_id="shop_aws", client_type=service).get_conn()
    assert client.meta.region_name == "eu-central-1"
    assert client._request_signer._credentials.access_key == "AKIASHOP"
    other = AwsBaseHook(aws_conn_id="other_aws", client_type=service).get_conn()
    assert other._request_signer._credentials.access_key == "AKIAOTHER"
assert not [path for path in read if "service-2" in path], read
"""


def test_a_tasks_clients_read_no_description_again(tmp_path) -> None:
    conn = (
        '{"conn_type": "aws", "login": "AKIASHOP", "password": "p", "extra": {"region_name": "eu-central-1"}}'
    )
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "AIRFLOW_HOME": str(tmp_path),
        "PYTHONPATH": ":".join(sys.path),
        "AIRFLOW__AWS__SESSION_FACTORY": "upkeep.executors.aws_sessions.SharedLoaderSessions",
        "AIRFLOW_CONN_SHOP_AWS": conn,
        "AIRFLOW_CONN_OTHER_AWS": conn.replace("AKIASHOP", "AKIAOTHER"),
    }
    done = subprocess.run(
        [sys.executable, "-c", SHARED], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@given(st.integers(86_400, 4_000_000_000), st.sampled_from(["seconds", "milliseconds", "microseconds"]))
def test_a_time_is_what_botocore_reads(epoch: int, exact: str) -> None:
    at = datetime.fromtimestamp(epoch, UTC).replace(microsecond=0 if exact == "seconds" else 125_000)
    written = at.isoformat(timespec=exact)
    for text in (written.replace("+00:00", "Z"), written, f"{at:%a, %d %b %Y %H:%M:%S} GMT"):
        assert parse_time(text) == parse_timestamp(text)
    assert parse_time(at.timestamp()) == parse_time(str(at.timestamp())) == at


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-Z", "20261301T000000Z"])
def test_what_is_no_time_is_refused_as_botocore_does(text: str) -> None:
    with pytest.raises(ValueError, match="Invalid timestamp"):
        parse_time(text)
