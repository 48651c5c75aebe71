"""What an Airflow connection says of a database, for programs that log in by themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.sdk import Connection

from upkeep.errors import ConfigurationError
from upkeep.operators.databases import server_of


def connection(**values: Any) -> Connection:
    given = {
        "conn_id": "shop_restore",
        "conn_type": "postgres",
        "host": "db",
        "login": "admin",
        "password": "hunter2",
        "schema": "shop",
    }
    extra = values.pop("extra", None)
    return Connection(**{**given, **values}, extra=json.dumps(extra) if extra else None)


def test_a_connection_is_a_database() -> None:
    server = server_of(connection(port=6000))

    assert (server.engine, server.host, server.port, server.user) == ("postgres", "db", 6000, "admin")
    assert (server.database, server.tls) == ("shop", "prefer")
    assert "hunter2" not in repr(server)


@pytest.mark.parametrize(("kind", "port"), [("postgres", 5432), ("mysql", 3306)])
def test_without_a_port_it_is_the_engines_own(kind: str, port: int) -> None:
    assert server_of(connection(conn_type=kind)).port == port


@pytest.mark.parametrize(
    ("extra", "tls", "ca_file"),
    [
        ({"sslmode": "verify-full", "sslrootcert": "/ca.pem"}, "verify", "/ca.pem"),
        ({"sslmode": "disable"}, "off", None),
        ({"ssl": {"ca": "/ca.pem"}}, "verify", "/ca.pem"),
        ({"sslmode": "require"}, "prefer", None),
    ],
)
def test_tls_is_as_the_connection_says(extra: dict[str, Any], tls: str, ca_file: str | None) -> None:
    server = server_of(connection(extra=extra))

    assert (server.tls, server.ca_file) == (tls, ca_file)


def test_verified_tls_without_a_ca_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="TLS is to be verified, but no CA file is given"):
        server_of(connection(extra={"sslmode": "verify-full"}))


def test_what_a_connection_lacks_is_named() -> None:
    with pytest.raises(ConfigurationError, match="'shop_restore' lacks host, schema"):
        server_of(connection(host=None, schema=None))


def test_another_type_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="is of type 'redis'; it must be mysql or postgres"):
        server_of(connection(conn_type="redis"))
