"""How far Kafka's consumer groups are behind."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from upkeep.errors import BadAnswer, ConfigurationError, PermanentError, TemporaryError, UpkeepError

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError

PARALLEL_QUERIES = 8
"""Watermarks are asked for one partition at a time: some at once, or 100 partitions take long."""


@dataclass(frozen=True)
class PartitionLag:
    """One partition, as one group reads it.

    committed: the offset that the group reads next, None if it never committed one.
    first, end: the oldest offset kept, and the one that the next message gets.

    Offsets are counted, as Kafka's own tools do: where compaction or transactions leave gaps, fewer
    messages are behind than the lag says.
    """

    topic: str
    partition: int
    committed: int | None
    first: int
    end: int

    @property
    def lag(self) -> int | None:
        """Messages still to be read, None where nobody knows: `problem` says why."""
        if self.committed is None or self.committed > self.end:
            return None
        return self.end - max(self.committed, self.first)

    @property
    def problem(self) -> str | None:
        """Why the lag is not known, None if it is."""
        where = f"{self.topic}/{self.partition}"
        if self.committed is None:
            return f"{where}: the group does not exist or never committed an offset here; check its name"
        if self.committed > self.end:
            return (
                f"{where}: the group committed {self.committed}, beyond the end {self.end}: "
                "the topic was made anew or lost messages; reset the group's offset"
            )
        return None

    @property
    def lost(self) -> int:
        """Messages that were deleted before the group read them."""
        return 0 if self.committed is None else max(0, self.first - self.committed)


def consumer_lag(
    config: Mapping[str, Any], group: str, topics: Sequence[str], timeout_seconds: float = 10
) -> list[PartitionLag]:
    """Return the group's lag in every partition of the topics. It joins no group and commits nothing.

    Kafka answers alike for a group that does not exist and one that never committed: no lag is known.
    config: librdkafka's, with `bootstrap.servers` and credentials.
    Raises TemporaryError (no broker within the time-out, no coordinator), ConfigurationError
    (unknown topic, credentials, certificate, rights, bad setting) and BadAnswer.
    """
    from confluent_kafka import Consumer, KafkaException

    deadline = time.monotonic() + timeout_seconds
    said: list[KafkaError] = []
    try:
        consumer = Consumer({**_settings(config, group, timeout_seconds), "error_cb": said.append})
    except (KafkaException, ValueError, TypeError) as e:
        raise ConfigurationError(f"Kafka: the connection's settings cannot be used: {e}") from e
    try:
        partitions = [p for topic in topics for p in _partitions(consumer, topic, deadline)]
        committed = _committed(consumer, partitions, deadline)
        with ThreadPoolExecutor(PARALLEL_QUERIES) as pool:
            ends = list(pool.map(lambda p: _watermarks(consumer, p, deadline), partitions))
    except KafkaException as e:
        raise _error(e.args[0], [*_heard(consumer), *said], group) from e
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
        # Else an open transaction hides every message after its start, and the lag looks like 0.
        "isolation.level": "read_uncommitted",
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


def _heard(consumer: Consumer) -> list[KafkaError]:
    """Return what the group's coordinator refused; `error_cb` gets what the connections said."""
    messages = iter(lambda: consumer.poll(0), None)
    return [error for message in messages if (error := message.error()) is not None]


def _error(error: KafkaError, said: Sequence[KafkaError], group: str) -> UpkeepError:
    """Return our error for what failed.

    said: what librdkafka said meanwhile. It tries again for ever, so that a refused password would
    otherwise look like a broker that is down.
    """
    from confluent_kafka import KafkaError

    cause = error
    if error.code() in {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT}:
        refused = [one for one in said if one.code() in _wrong()]
        broken = [one for one in said if one.code() == KafkaError._TRANSPORT]
        cause = [*refused, *broken, error][0]
    return _reason(cause, f"Kafka, group {group!r}: {cause.str()}")


def _reason(error: Any, message: str) -> UpkeepError:
    """Return our error for one of librdkafka's."""
    from confluent_kafka import KafkaError

    code = error.code() if error is not None else KafkaError._UNKNOWN_TOPIC
    if code in _wrong():
        return ConfigurationError(f"{message}; check its name and the connection's rights")
    if code in _passing() or error.retriable():
        return TemporaryError(f"{message}; are the brokers up?")
    return PermanentError(message)


def _passing() -> set[int]:
    """Return the codes of what passes by itself: nobody answers, or a leader or coordinator is being chosen.

    librdkafka calls none of them retriable outside of transactions.
    """
    from confluent_kafka import KafkaError

    return {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._RESOLVE,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.KAFKA_STORAGE_ERROR,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
    }


def _wrong() -> set[int]:
    """Return the codes that trying again cannot help."""
    from confluent_kafka import KafkaError

    return {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError._AUTHENTICATION,
        KafkaError._SSL,
        KafkaError.INVALID_GROUP_ID,
        KafkaError.TOPIC_EXCEPTION,
    }
