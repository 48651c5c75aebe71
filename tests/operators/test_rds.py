"""How the operators of RDS's stages reach AWS, and what they leave when they are ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from tests.servers.aws import Aws, aws
from tests.servers.rds_stages import operator_by
from tests.servers.situation import make_system

from upkeep.acts.model import By
from upkeep.operators.clients import AirflowClients

OF_RDS = sorted(set(By) - {By.WORKER, By.JOB})
ROLE = "arn:aws:iam::123456789012:role/upkeep"
Facts = tuple[Any, ...]
Connect = Callable[..., None]


@pytest.fixture(scope="module")
def cloud() -> Iterator[Aws]:
    with aws() as found:
        yield found


@pytest.fixture
def connect(cloud: Aws, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Write the connection `shop_aws` with an extra."""

    def write(**extra: Any) -> None:
        where = {"endpoint_url": cloud.url, "region_name": "eu-west-3"} | extra
        content = {"conn_type": "aws", "login": "test", "password": "not-a-secret", "extra": where}
        monkeypatch.setenv("AIRFLOW_CONN_SHOP_AWS", json.dumps(content))

    write()
    return write


def seen(client: Any) -> Facts:
    """Return how a client reaches AWS."""
    config, keys = client.meta.config, client._request_signer._credentials
    return (
        client.meta.endpoint_url, client.meta.region_name, config.connect_timeout, config.read_timeout,
        config.retries, type(keys), keys.access_key,
    )  # fmt: skip


SYSTEM = make_system(connections={"aws": "shop_aws"})


def of_operator(by: By) -> Facts:
    operator = operator_by(by)
    operator._provider(cast("Any", {}), SYSTEM)
    return seen(operator.hook.conn)


@pytest.mark.parametrize("by", OF_RDS)
@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"service_config": {"rds": {"endpoint_url": "http://127.0.0.1:1"}}},
        {"config_kwargs": {"read_timeout": 99, "retries": {"mode": "legacy"}}},
    ],
)
def test_it_reaches_aws_as_what_looks_before_it_does(connect: Connect, by: By, extra: dict[str, Any]) -> None:
    connect(**extra)
    with AirflowClients(SYSTEM) as clients:
        assert of_operator(by) == seen(clients.aws("rds"))


def test_it_takes_the_role_that_the_connection_names(connect: Connect, cloud: Aws) -> None:
    connect(role_arn=ROLE, service_config={"sts": {"endpoint_url": cloud.url}})
    with AirflowClients(SYSTEM) as clients:
        *looks, looking_with = seen(clients.aws("rds"))
    *acts, acting_with = of_operator(By.SNAPSHOT)

    assert acts == looks
    assert {looking_with, acting_with}.isdisjoint({"test"})  # each has temporary keys of its own


def test_a_second_region_is_where_it_deletes(connect: Connect, cloud: Aws) -> None:
    with AirflowClients(SYSTEM) as clients:
        there = clients.aws("rds", "us-west-2")
        there.create_db_instance(
            DBInstanceIdentifier="drill", DBInstanceClass="db.t3.micro", Engine="postgres",
            AllocatedStorage=20, MasterUsername="shop", MasterUserPassword="not-a-secret",
        )  # fmt: skip
        operator = operator_by(By.INSTANCE_DELETION)
        operator._provider(cast("Any", {}), SYSTEM).delete_instance("drill", there.meta.region_name)

        assert there.describe_db_instances()["DBInstances"] == []
        left = there.describe_db_snapshots()["DBSnapshots"]
        assert [one["DBSnapshotIdentifier"] for one in left if one["SnapshotType"] == "manual"] == []


@pytest.mark.parametrize("by", OF_RDS)
def test_one_that_is_ended_by_a_person_leaves_what_it_began(by: By) -> None:
    """The provider's own would raise."""
    operator_by(by).on_kill()
