"""A consumer group that falls behind: messages that are produced and not committed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaException

from sandbox.errors import PartFailed
from sandbox.estate import Estate
from sandbox.faults.model import Fault
from sandbox.servers.kafka import BEHIND, commit_all, produce

PART = "kafka"
TOPIC = "messages"
MESSAGES = 80_000


def _fall_behind(estate: Estate) -> None:
    with _answering():
        produce(_servers(estate), TOPIC, MESSAGES)


def _catch_up(estate: Estate) -> None:
    with _answering():
        commit_all(_servers(estate), behind=BEHIND)


@contextmanager
def _answering() -> Iterator[None]:
    """Say it in our words when the broker does not answer."""
    try:
        yield
    except (KafkaException, TimeoutError) as e:
        raise PartFailed(f"the sandbox's {PART} does not answer: {e}") from e


def _servers(estate: Estate) -> str:
    part = estate.part(PART)
    return f"{part.host}:{part.port}"


LAG = Fault(
    name="quikapp-kafka-lag",
    system="quikapp",
    breaks=f"the group message-consumers is {MESSAGES:,} messages further behind",
    finding="daily_review/dashboards: kafka_consumer_lag, seeded as warning, becomes critical",
    needs=(PART,),
    break_=_fall_behind,
    heal=_catch_up,
)
FAULTS: dict[str, Fault] = {LAG.name: LAG}
