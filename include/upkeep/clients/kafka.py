"""How far Kafka's consumer groups are behind."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from upkeep.errors import BadAnswer, ConfigurationError, PermanentError, TemporaryError, UpkeepError

if TYPE_CHECKING:
    from confluent_kafka import Consumer

PARALLEL_QUERIES = 8
"""Watermarks are asked for one partition at a time: some at once, or 100 partitions take long."""


@dataclass(frozen=True)
class PartitionLag:
    """One partition, as one group reads it.

    committed: the offset that the group reads next, None if it never committed one.
    first, end: the oldest offset kept, and the one that the next message gets.
    """

    topic: str
    partition: int
    committed: int | None
    first: int
    end: int

    @property
    def lag(self) -> int | None:
        """Messages still to be read, None if the group never committed: then nobody knows."""
        return None if self.committed is None else max(0, self.end - max(self.committed, self.first))

    @property
    def lost(self) -> int:
        """Messages that were deleted before the group read them."""
        return 0 if self.committed is None else max(0, self.first - self.committed)


def consumer_lag(
    config: Mapping[str, Any], group: str, topics: Sequence[str], timeout_seconds: float = 10
) -> list[PartitionLag]:
    """Return the group's lag in every partition of the topics. It joins no group and commits nothing.

    config: librdkafka's, with `bootstrap.servers` and credentials.
    Raises TemporaryError (no broker within the time-out, no coordinator), ConfigurationError
    (unknown topic, credentials, rights, bad setting) and BadAnswer.
    """
    from confluent_kafka import Consumer, KafkaException

    deadline = time.monotonic() + timeout_seconds
    try:
        consumer = Consumer(_settings(config, group, timeout_seconds))
    except (KafkaException, ValueError, TypeError) as e:
        raise ConfigurationError(f"Kafka: the connection's settings cannot be used: {e}") from e
    try:
        partitions = [p for topic in topics for p in _partitions(consumer, topic, deadline)]
        committed = _committed(consumer, partitions, deadline)
        with ThreadPoolExecutor(PARALLEL_QUERIES) as pool:
            ends = list(pool.map(lambda p: _watermarks(consumer, p, deadline), partitions))
    except KafkaException as e:
        raise _error(e, group) from e
    finally:
        consumer.close()
    return [
        PartitionLag(topic, number, committed.get((topic, number)), first, end)
        for (topic, number), (first, end) in zip(partitions, ends, strict=True)
    ]


def _settings(config: Mapping[str, Any], group: str, timeout_seconds: float) -> dict[str, Any]:
    return {
        **config,
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "allow.auto.create.topics": False,
        "socket.connection.setup.timeout.ms": max(1000, round(timeout_seconds * 1000)),
        # librdkafka would write its failures to stderr; they come back as errors.
        "log_level": 0,
    }


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TemporaryError("Kafka: no answer in time; are the brokers up?")
    return left


def _partitions(consumer: Consumer, topic: str, deadline: float) -> Iterable[tuple[str, int]]:
    found = consumer.list_topics(topic, timeout=_left(deadline)).topics.get(topic)
    if found is None or found.error is not None or not found.partitions:
        reason = (
            found.error.str() if found is not None and found.error is not None else "it has no partitions"
        )
        raise _reason(found.error if found is not None else None, f"Kafka topic {topic!r}: {reason}")
    return [(topic, number) for number in sorted(found.partitions)]


def _committed(
    consumer: Consumer, partitions: Sequence[tuple[str, int]], deadline: float
) -> dict[tuple[str, int], int]:
    """Return the committed offsets; those that were never committed are missing."""
    from confluent_kafka import KafkaException, TopicPartition

    wanted = [TopicPartition(topic, number) for topic, number in partitions]
    found = consumer.committed(wanted, timeout=_left(deadline))
    for one in found:
        if one.error is not None:
            raise KafkaException(one.error)
    return {(one.topic, one.partition): one.offset for one in found if one.offset >= 0}


def _watermarks(consumer: Consumer, partition: tuple[str, int], deadline: float) -> tuple[int, int]:
    from confluent_kafka import TopicPartition

    found = consumer.get_watermark_offsets(TopicPartition(*partition), timeout=_left(deadline), cached=False)
    if found is None:
        raise TemporaryError(f"Kafka: no watermarks of {partition[0]}/{partition[1]} in time")
    first, end = found
    if not 0 <= first <= end:
        raise BadAnswer(f"Kafka: impossible watermarks of {partition[0]}/{partition[1]}: {first}, {end}")
    return first, end


def _error(e: Exception, group: str) -> UpkeepError:
    """Return our error for a KafkaException, which carries a KafkaError."""
    error: Any = e.args[0]
    return _reason(error, f"Kafka, group {group!r}: {error.str()}")


def _reason(error: Any, message: str) -> UpkeepError:
    """Return our error for one of librdkafka's."""
    from confluent_kafka import KafkaError

    wrong = {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError._AUTHENTICATION,
        KafkaError.INVALID_GROUP_ID,
        KafkaError.TOPIC_EXCEPTION,
    }
    code = error.code() if error is not None else KafkaError._UNKNOWN_TOPIC
    if code in wrong:
        return ConfigurationError(f"{message}; check its name and the connection's rights")
    waits = {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._RESOLVE}
    if code in waits or error.retriable():
        return TemporaryError(f"{message}; are the brokers up?")
    return PermanentError(message)
