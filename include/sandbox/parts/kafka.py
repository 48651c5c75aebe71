"""quikapp's Kafka: topics, and the consumer group `message-consumers`."""

from __future__ import annotations

from sandbox.estate import Endpoint
from sandbox.parts.model import Context, Part, endpoint, start_server


def start(context: Context) -> list[Endpoint]:
    """Start the broker in a process of its own."""
    child, where = start_server(context, "kafka", "sandbox.servers.kafka")
    details = {"topics": where["topics"], "group": where["group"]}
    return [endpoint("kafka", child, where["port"], details=details)]


PART = Part(names=("kafka",), costs="findings about the message queue are unknown", start=start)
