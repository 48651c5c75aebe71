"""The Kafka client against librdkafka's mock cluster, which speaks the real protocol."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from upkeep.clients.kafka import PartitionLag, _reason, consumer_lag
from upkeep.errors import ConfigurationError, TemporaryError

MESSAGES = 40


@pytest.fixture(scope="module")
def cluster():
    """A broker with one topic of MESSAGES messages; yields (producer that owns it, servers)."""
    owner = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 0})
    broker = next(iter(owner.list_topics(timeout=10).brokers.values()))
    servers = f"{broker.host}:{broker.port}"
    producer = Producer({"bootstrap.servers": servers, "log_level": 0})
    for n in range(MESSAGES):
        producer.produce("orders", value=b"x", partition=n % 2)
    assert producer.flush(20) == 0
    yield {"bootstrap.servers": servers, "log_level": 0}
    del producer, owner


def commit(config, group, **offsets):
    consumer = Consumer({**config, "group.id": group, "enable.auto.commit": False})
    wanted = [TopicPartition("orders", int(n.removeprefix("p")), at) for n, at in offsets.items()]
    consumer.commit(offsets=wanted, asynchronous=False)
    consumer.close()


@pytest.mark.integration
class TestMockCluster:
    def test_lag_is_the_end_minus_what_was_committed(self, cluster):
        commit(cluster, "shop", p0=20, p1=7)
        found = {p.partition: p for p in consumer_lag(cluster, "shop", ["orders"])}
        assert (found[0].committed, found[0].first, found[0].end, found[0].lag) == (20, 0, 20, 0)
        assert (found[1].committed, found[1].lag, found[1].lost) == (7, 13, 0)
        assert sum(p.end for p in found.values()) == MESSAGES

    def test_looking_changes_nothing(self, cluster):
        commit(cluster, "looked-at", p0=5)
        looks = [consumer_lag(cluster, "looked-at", ["orders"]) for _ in range(2)]
        assert looks[0] == looks[1]

    def test_a_group_that_never_committed_has_no_lag_known(self, cluster):
        found = consumer_lag(cluster, "nobody", ["orders"])
        assert found
        assert {(p.committed, p.lag) for p in found} == {(None, None)}
        assert all("never committed" in p.problem for p in found)

    def test_an_unknown_topic_is_a_configuration_error_and_not_made(self, cluster):
        for _ in range(2):
            with pytest.raises(ConfigurationError, match="nowhere"):
                consumer_lag(cluster, "shop", ["nowhere"])


def test_a_broker_that_is_down_is_temporary_and_in_time(closed_port, capfd):
    started = time.monotonic()
    with pytest.raises(TemporaryError):
        consumer_lag({"bootstrap.servers": f"127.0.0.1:{closed_port}"}, "shop", ["orders"], 1)
    assert time.monotonic() - started < 3
    assert capfd.readouterr().err == ""


def test_a_broker_that_hangs_is_left_in_time(hanging_port):
    started = time.monotonic()
    with pytest.raises(TemporaryError):
        consumer_lag({"bootstrap.servers": f"127.0.0.1:{hanging_port}"}, "shop", ["orders"], 1)
    assert time.monotonic() - started < 3


def test_a_setting_that_does_not_exist_is_named_without_the_password():
    config = {"bootstrap.servers": "127.0.0.1:1", "no.such.setting": "1", "sasl.password": "hunter2"}
    with pytest.raises(ConfigurationError, match=r"no\.such\.setting") as caught:
        consumer_lag(config, "shop", ["orders"])
    assert "hunter2" not in str(caught.value)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.none() | st.integers(0, 2 * 10**9))
def test_lag_is_never_negative_and_never_more_than_there_is(first, more, committed):
    one = PartitionLag("orders", 0, committed, first, first + more)
    assert (one.lag is None) is (committed is None or committed > one.end)
    assert (one.lag is None) is (one.problem is not None)
    assert one.lag is None or 0 <= one.lag <= more
    assert one.lost >= 0


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.NOT_COORDINATOR,
    ],
)
def test_an_election_passes_by_itself(code: int) -> None:
    """A broker says so while a partition or a group gets another leader: the next try finds it."""
    assert isinstance(_reason(KafkaError(code), "Kafka"), TemporaryError)
