"""A Kafka broker: librdkafka's mock cluster, with topics and the consumers' committed offsets.

Lag is real: messages that were produced and not committed.
"""

from __future__ import annotations

import argparse
import signal
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from sandbox.parts.model import announce

TOPICS = ("messages", "presence", "notifications")
GROUP = "message-consumers"
MESSAGES = 9_000
BEHIND: Mapping[str, int] = {"messages": 7_300, "presence": 12, "notifications": 0}
"""How many messages the group is behind, by topic: one of the findings the sandbox starts with."""

TIMEOUT_SECONDS = 20.0
QUIET = {"log_level": 3}


def main() -> None:
    """Run until asked to end."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--ready", type=Path, required=True)
    ready: Path = arguments.parse_args().ready
    cluster = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock", **QUIET})
    broker = next(iter(cluster.list_topics(timeout=10).brokers.values()))
    servers = f"{broker.host}:{broker.port}"
    for topic in TOPICS:
        produce(servers, topic, MESSAGES)
    commit_all(servers, BEHIND)
    announce(ready, {"port": broker.port, "topics": list(TOPICS), "group": GROUP})
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


def produce(servers: str, topic: str, count: int) -> None:
    """Send `count` messages to a topic. Raises TimeoutError if the broker does not take them."""
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 20, **QUIET})
    for number in range(count):
        producer.produce(topic, value=b'{"n": %d}' % number, key=str(number % 40))
        if number % 5_000 == 0:
            producer.poll(0)
    if left := producer.flush(TIMEOUT_SECONDS):
        raise TimeoutError(f"{left} of {count} messages were not taken in {TIMEOUT_SECONDS:.0f} s")


def commit_all(servers: str, behind: Mapping[str, int]) -> None:
    """Commit the group's offsets so that each topic is `behind` by so many messages in all.

    Raises KafkaException if the broker does not answer.
    """
    consumer = Consumer(
        {"bootstrap.servers": servers, "group.id": GROUP, "enable.auto.commit": False, **QUIET}
    )
    try:
        offsets = [one for topic, lag in behind.items() for one in _offsets(consumer, topic, lag)]
        consumer.commit(offsets=offsets, asynchronous=False)
    finally:
        consumer.close()


def _offsets(consumer: Consumer, topic: str, lag: int) -> list[TopicPartition]:
    """Return the offsets that leave `lag` messages of a topic, spread over its partitions."""
    found = consumer.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic]
    if found.error is not None:
        raise KafkaException(found.error)
    offsets = []
    for number in sorted(found.partitions):
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=TIMEOUT_SECONDS)
        share = min(end, lag // (len(found.partitions) - number))
        offsets.append(TopicPartition(topic, number, end - share))
        lag -= share
    return offsets


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
