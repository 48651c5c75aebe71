"""A broker that is down, hangs, refuses or speaks otherwise: an error of the right sort, in time."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest
import trustme
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from tests.conformance.kafka.broker import USER
from tests.conformance.kafka.messages import commit, create, produce

from upkeep.clients.kafka import consumer_lag
from upkeep.errors import ConfigurationError, TemporaryError

TIMEOUT = 2.0
GRACE = 2.0
"""How much longer than its time-out a question may take, in seconds."""

pytestmark = pytest.mark.integration


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < TIMEOUT + GRACE


@pytest.fixture
def backlog(broker, topic):
    """A topic in which the group `orders` is 3 behind."""
    create(broker.plain, 2, topic)
    produce(broker.plain, topic, {0: 5, 1: 5})
    commit(broker.plain, "orders", topic, {0: 5, 1: 2})
    return topic


def behind(config, topic) -> int:
    return sum(one.lag for one in consumer_lag(config, "orders", [topic], TIMEOUT))


def test_a_stopped_broker_is_temporary_and_the_lag_is_the_same_after_its_return(start_broker, topic):
    broker = start_broker()
    create(broker.plain, 2, topic)
    produce(broker.plain, topic, {0: 5, 1: 5})
    commit(broker.plain, "orders", topic, {0: 5, 1: 2})
    assert behind(broker.plain, topic) == 3
    broker.stop()
    with in_time(), pytest.raises(TemporaryError, match="orders"):
        behind(broker.plain, topic)
    broker.start()
    assert sum(one.lag for one in consumer_lag(broker.plain, "orders", [topic], 30)) == 3


def test_a_broker_that_hangs_is_left_in_time(broker, backlog):
    broker.freeze()
    try:
        with in_time(), pytest.raises(TemporaryError):
            behind(broker.plain, backlog)
    finally:
        broker.thaw()
    assert behind(broker.plain, backlog) == 3


def test_a_port_that_accepts_and_never_answers_is_left_in_time(topic):
    with socket.create_server(("127.0.0.1", 0)) as server:
        config = {"bootstrap.servers": f"127.0.0.1:{server.getsockname()[1]}"}
        with in_time(), pytest.raises(TemporaryError):
            behind(config, topic)


def test_a_wrong_password_is_a_configuration_error_that_does_not_show_it(broker, topic):
    with in_time(), pytest.raises(ConfigurationError, match=r"[Aa]uthentication") as caught:
        behind(broker.sasl("hunter2"), topic)
    assert "hunter2" not in str(caught.value)


def test_tls_to_a_listener_without_it_says_so(broker, topic):
    config = {**broker.plain, "security.protocol": "SSL"}
    with in_time(), pytest.raises(TemporaryError, match="SSL connection closed by peer"):
        behind(config, topic)


def test_tls_with_the_brokers_authority_reads_the_lag(broker, backlog):
    assert behind(broker.tls(broker.authority), backlog) == 3


def test_a_certificate_of_another_authority_is_a_configuration_error(broker, topic, tmp_path):
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    with in_time(), pytest.raises(ConfigurationError, match="certificate verify failed"):
        behind(broker.tls(other), topic)


def allow(broker, kind: ResourceType, name: str) -> None:
    """Let USER describe a topic or a group, and nothing else."""
    rule = AclBinding(
        kind,
        name,
        ResourcePatternType.LITERAL,
        f"User:{USER}",
        "*",
        AclOperation.DESCRIBE,
        AclPermissionType.ALLOW,
    )
    admin = AdminClient(broker.plain)  # lives until it is answered
    for future in admin.create_acls([rule]).values():
        future.result(30)


def test_describe_on_the_topic_and_the_group_is_the_least_right_and_enough(broker, backlog):
    user = broker.sasl(broker.password)
    with pytest.raises(ConfigurationError, match=backlog):
        behind(user, backlog)
    allow(broker, ResourceType.TOPIC, backlog)
    with pytest.raises(ConfigurationError, match=r"orders.*[Gg]roup authorization failed"):
        behind(user, backlog)
    allow(broker, ResourceType.GROUP, "orders")
    assert behind(user, backlog) == 3
