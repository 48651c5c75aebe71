"""The consumer-group lag client against a real broker: what it says is what is there."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from confluent_kafka import Producer
from tests.conformance.kafka.messages import (
    commit,
    create,
    delete,
    delete_before,
    produce,
    send,
    topics,
)

from upkeep.clients.kafka import PartitionLag, consumer_lag
from upkeep.errors import ConfigurationError

MANY = 30
"""Partitions of each of the four topics of the largest test: 120 in all."""

pytestmark = pytest.mark.integration


def test_the_lag_of_many_partitions_is_exact(broker, topic):
    names = [f"{topic}-{n}" for n in range(4)]
    create(broker.plain, MANY, *names)
    expected = []
    for number, name in enumerate(names):
        ends = {partition: partition + 5 * number for partition in range(MANY)}
        committed = {partition: end // (number + 1) for partition, end in ends.items()}
        produce(broker.plain, name, ends)
        commit(broker.plain, "reader", name, committed)
        expected += [PartitionLag(name, n, committed[n], 0, ends[n]) for n in range(MANY)]
    started = time.monotonic()
    found = consumer_lag(broker.plain, "reader", names)
    assert time.monotonic() - started < 5
    assert found == expected
    assert sum(one.lag for one in found) == sum(one.end - one.committed for one in expected) > 0


def test_a_group_that_committed_some_partitions_is_unknown_in_the_others(broker, topic):
    create(broker.plain, 3, topic)
    produce(broker.plain, topic, {0: 4, 1: 4, 2: 4})
    commit(broker.plain, "partial", topic, {0: 4, 2: 1})
    found = consumer_lag(broker.plain, "partial", [topic])
    assert [one.lag for one in found] == [0, None, 3]
    assert [one.problem is None for one in found] == [True, False, True]
    assert f"{topic}/1" in found[1].problem


def test_a_group_without_commits_in_a_topic_has_no_lag_known(broker, topic):
    create(broker.plain, 1, topic, f"{topic}-other")
    produce(broker.plain, topic, {0: 9})
    commit(broker.plain, "elsewhere", f"{topic}-other", {0: 0})
    (found,) = consumer_lag(broker.plain, "elsewhere", [topic])
    assert (found.committed, found.lag, found.end) == (None, None, 9)
    assert "never committed" in found.problem


def test_an_unknown_group_has_no_lag_known_even_where_the_topic_is_empty(broker, topic):
    create(broker.plain, 2, topic)
    found = consumer_lag(broker.plain, "no-such-group", [topic])
    assert [one.lag for one in found] == [None, None]
    assert all("the group does not exist" in one.problem for one in found)


def test_looking_changes_nothing(broker, topic):
    create(broker.plain, 2, topic)
    produce(broker.plain, topic, {0: 3})
    commit(broker.plain, "looked-at", topic, {0: 1})
    looks = [consumer_lag(broker.plain, "looked-at", [topic]) for _ in range(2)]
    assert looks[0] == looks[1]
    assert consumer_lag(broker.plain, "only-looked-for", [topic])[0].committed is None


def test_an_unknown_topic_is_named_and_not_made_though_the_broker_makes_topics(broker, topic):
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=topic):
            consumer_lag(broker.plain, "reader", [topic])
    assert topic not in topics(broker.plain)


def test_a_deleted_topic_is_an_error_and_a_new_one_of_its_name_has_no_lag_known(broker, topic, eventually):
    create(broker.plain, 1, topic)
    produce(broker.plain, topic, {0: 10})
    commit(broker.plain, "bereft", topic, {0: 10})
    assert [one.lag for one in consumer_lag(broker.plain, "bereft", [topic])] == [0]
    delete(broker.plain, topic)

    def gone() -> bool:
        try:
            return not consumer_lag(broker.plain, "bereft", [topic])
        except ConfigurationError as e:
            return topic in str(e)

    eventually(gone, "the topic's deletion")
    create(broker.plain, 1, topic)
    assert [one.lag for one in consumer_lag(broker.plain, "bereft", [topic])] == [None]


def test_a_commit_beyond_the_end_is_no_lag_of_zero(broker, topic):
    create(broker.plain, 1, topic)
    produce(broker.plain, topic, {0: 2})
    commit(broker.plain, "ahead", topic, {0: 7})
    (found,) = consumer_lag(broker.plain, "ahead", [topic])
    assert found.lag is None
    assert "committed 7, beyond the end 2" in found.problem


def test_messages_deleted_before_they_were_read_are_lost_and_no_lag(broker, topic):
    create(broker.plain, 1, topic)
    produce(broker.plain, topic, {0: 20})
    commit(broker.plain, "slow", topic, {0: 5})
    delete_before(broker.plain, topic, 12)
    (found,) = consumer_lag(broker.plain, "slow", [topic])
    assert found == PartitionLag(topic, 0, 5, 12, 20)
    assert (found.lag, found.lost) == (8, 7)


def test_an_open_transaction_hides_no_message(broker, topic):
    create(broker.plain, 1, topic)
    produce(broker.plain, topic, {0: 3})
    commit(broker.plain, "transacted", topic, {0: 3})
    producer = Producer({**broker.plain, "transactional.id": topic})
    producer.init_transactions(30)
    producer.begin_transaction()
    try:
        send(producer, topic, {0: 5})
        (found,) = consumer_lag(broker.plain, "transacted", [topic])
        assert found.lag == 5
    finally:
        producer.abort_transaction(30)


def test_the_lag_follows_the_group(broker, topic):
    create(broker.plain, 1, topic)
    produce(broker.plain, topic, {0: 6})
    seen = []
    for offset in range(7):
        commit(broker.plain, "follower", topic, {0: offset})
        seen += consumer_lag(broker.plain, "follower", [topic])
    assert [one.lag for one in seen] == [6, 5, 4, 3, 2, 1, 0]
    assert {replace(one, committed=0) for one in seen} == {PartitionLag(topic, 0, 0, 0, 6)}
