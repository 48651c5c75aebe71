"""One Kafka node in KRaft mode (broker and controller), on loopback, for as long as a test needs it.

Its listeners: PLAIN (anybody, with every right), SASL (users with passwords, with the rights that a
test gives them) and TLS (a certificate of a private authority).
"""

from __future__ import annotations

import base64
import os
import secrets
import signal
import subprocess
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import trustme
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from cryptography.hazmat.primitives import serialization
from tests.conformance.kafka.programs import java

from sandbox import process
from sandbox.ports import LOOPBACK, free_port

START_SECONDS = 60
HEAP = ("-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
USER = "monitor"

PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAIN://127.0.0.1:{plain},SASL://127.0.0.1:{sasl},TLS://127.0.0.1:{tls},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAIN://127.0.0.1:{plain},SASL://127.0.0.1:{sasl},TLS://127.0.0.1:{tls}
listener.security.protocol.map=PLAIN:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAIN
sasl.enabled.mechanisms=PLAIN
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \
required user_{user}="{password}";
ssl.keystore.type=PEM
ssl.keystore.location={folder}/server.pem
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
log.dirs={folder}/data
auto.create.topics.enable=true
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"""


class Broker:
    """A node with data, ports, password and certificate of its own, which may be stopped and started.

    folder: keeps all of it. jars: what `programs.prepare` returned.
    """

    def __init__(self, folder: Path, jars: Path) -> None:
        self._folder = folder
        self._java = [str(java()), *HEAP, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{jars}/*"]
        self._child: process.Child | None = None
        self._ports = dict(zip(("plain", "sasl", "tls", "controller"), _free_ports(4), strict=True))
        self.password = secrets.token_hex(16)
        self.authority = folder / "ca.pem"
        self._write_certificate()
        self._settings = folder / "server.properties"
        settings = PROPERTIES.format(folder=folder, user=USER, password=self.password, **self._ports)
        self._settings.write_text(settings)
        self._format()

    @property
    def plain(self) -> dict[str, Any]:
        """A client's settings with every right."""
        return self._client("plain")

    def sasl(self, password: str) -> dict[str, Any]:
        """A client's settings as USER."""
        protocol = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN"}
        return self._client("sasl", **protocol, **{"sasl.username": USER, "sasl.password": password})

    def tls(self, authority: Path) -> dict[str, Any]:
        """A client's settings that trust an authority."""
        return self._client("tls", **{"security.protocol": "SSL", "ssl.ca.location": str(authority)})

    def start(self) -> None:
        """Start the node and wait until it answers.

        Raises:
            PartFailed: it ended or does not answer; the message quotes its log.

        """
        command = [*self._java, "kafka.Kafka", str(self._settings)]
        self._child = process.start(self._folder, "kafka", command)
        process.wait_until(self._child, self._answers, START_SECONDS)

    def stop(self) -> None:
        """End the node; its data stay."""
        if self._child is not None:
            process.stop(self._folder, self._child)

    def freeze(self) -> None:
        """Let the node answer nothing, though its ports still accept."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Undo `freeze`."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._child is not None
        os.killpg(self._child.pid, number)

    def _answers(self) -> bool:
        with suppress(KafkaException):
            return bool(AdminClient(self.plain).list_topics(timeout=1).brokers)
        return False

    def _client(self, listener: str, **more: str) -> dict[str, Any]:
        return {"bootstrap.servers": f"{LOOPBACK}:{self._ports[listener]}", "log_level": 0, **more}

    def _format(self) -> None:
        """Make the node's data folder."""
        tool = ["kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", str(self._settings)]
        subprocess.run([*self._java, *tool], check=True, capture_output=True, timeout=START_SECONDS)

    def _write_certificate(self) -> None:
        """Write what the TLS listener shows: Kafka reads a PKCS 8 key and its certificate in one file."""
        issuer = trustme.CA()
        issuer.cert_pem.write_to_path(str(self.authority))
        issued = issuer.issue_cert(LOOPBACK)
        key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        (self._folder / "server.pem").write_bytes(key + chain)


def _free_ports(count: int) -> set[int]:
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return ports


def _cluster_id() -> str:
    """Return an id as Kafka writes it: a UUID in URL-safe base 64."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
