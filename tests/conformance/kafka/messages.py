"""What the tests do to a broker: topics, messages, transactions, commits, deletions."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

SECONDS = 30


def create(config: Mapping[str, Any], partitions: int, *topics: str) -> None:
    """Make topics, and wait until each partition has its leader: it comes a moment later."""
    wanted = [NewTopic(topic, partitions, 1) for topic in topics]
    admin = AdminClient(dict(config))
    _done(admin.create_topics(wanted, request_timeout=SECONDS))
    every = [TopicPartition(topic, number) for topic in topics for number in range(partitions)]
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            _done(admin.list_offsets(dict.fromkeys(every, OffsetSpec.latest()), request_timeout=SECONDS))
        except KafkaException:
            assert time.monotonic() < deadline, f"{topics}: no leader within {SECONDS} s"
            time.sleep(0.05)
        else:
            return


def delete(config: Mapping[str, Any], topic: str) -> None:
    """Delete a topic."""
    admin = AdminClient(dict(config))
    _done(admin.delete_topics([topic], request_timeout=SECONDS))


def delete_before(config: Mapping[str, Any], topic: str, offset: int) -> None:
    """Delete the messages of partition 0 that are older than an offset, as retention does."""
    admin = AdminClient(dict(config))
    _done(admin.delete_records([TopicPartition(topic, 0, offset)]))


def produce(config: Mapping[str, Any], topic: str, counts: Mapping[int, int]) -> None:
    """Send so many messages to each partition."""
    send(Producer(dict(config)), topic, counts)


def send(producer: Producer, topic: str, counts: Mapping[int, int]) -> None:
    """Send with this producer, which may be in a transaction, and wait until the broker has them all."""
    for partition, count in counts.items():
        for _ in range(count):
            producer.produce(topic, b"x", partition=partition)
    assert producer.flush(SECONDS) == 0


def commit(config: Mapping[str, Any], group: str, topic: str, offsets: Mapping[int, int]) -> None:
    """Commit a group's offset in each partition."""
    consumer = Consumer({**config, "group.id": group, "enable.auto.commit": False})
    wanted = [TopicPartition(topic, partition, offset) for partition, offset in offsets.items()]
    for one in consumer.commit(offsets=wanted, asynchronous=False):
        assert one.error is None, one.error
    consumer.close()


def topics(config: Mapping[str, Any]) -> Sequence[str]:
    """Return the names of all topics."""
    return sorted(AdminClient(dict(config)).list_topics(timeout=SECONDS).topics)


def _done(futures: Mapping[Any, Any]) -> None:
    """Wait for the broker's answers; the client that asked must live so long."""
    for future in futures.values():
        future.result(SECONDS)
