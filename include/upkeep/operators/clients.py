"""Clients for a system's connections, made from Airflow's connections through the providers' hooks."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, cast

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from upkeep.backups.scratch import scratch
from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from upkeep.backups.dumps.server import DatabaseServer
    from upkeep.backups.files.place import ResticPlace
    from upkeep.backups.keys import BackupKey
    from upkeep.backups.kubernetes.repository import GitLogin
    from upkeep.backups.physical.place import PgBackRestPlace
    from upkeep.catalog.models.system import ConnectionRole
    from upkeep.checks.context import Connected
    from upkeep.clients.alertmanager import Alertmanager
    from upkeep.clients.endpoint import Endpoint
    from upkeep.clients.kubernetes import Kubernetes
    from upkeep.clients.mysql import MySql
    from upkeep.clients.postgres import Postgres
    from upkeep.clients.prometheus import Prometheus
    from upkeep.clients.redis import Redis

T = TypeVar("T")

KEPT_EXTRAS = ("headers", "ca_file", "timeout_seconds")


class AirflowClients:
    """One system's clients; a context manager that closes what it made. Safe to share between threads.

    Each method raises ConfigurationError, naming the connection, where the catalog names none for the
    role or Airflow has none of that id.
    """

    def __init__(self, system: Connected) -> None:
        self._system = system
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._connections: dict[str, Connection] = {}
        self._asking = threading.Lock()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def prometheus(self) -> Prometheus:
        """Return the client of the connection `prometheus`."""
        from upkeep.clients.prometheus import Prometheus

        return self._once(
            "prometheus", lambda: self._stack.enter_context(Prometheus(self._endpoint("prometheus")))
        )

    def alertmanager(self) -> Alertmanager:
        """Return the client of the connection `alertmanager`."""
        from upkeep.clients.alertmanager import Alertmanager

        return self._once(
            "alertmanager", lambda: self._stack.enter_context(Alertmanager(self._endpoint("alertmanager")))
        )

    def kubernetes(self) -> Kubernetes:
        """Return the client of the connection `kubernetes`, through the provider's hook."""
        from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook

        from upkeep.clients.kubernetes import Kubernetes

        def make() -> Kubernetes:
            return Kubernetes(KubernetesHook(conn_id=self._connection("kubernetes").conn_id).get_conn())

        return self._once("kubernetes", make)

    def mysql(self) -> MySql:
        """Return the client of the connection `mysql`; each use of it opens a connection of its own."""
        from airflow.providers.mysql.hooks.mysql import MySqlHook

        from upkeep.clients.mysql import MySql

        conn_id = self._connection("mysql").conn_id
        return self._once("mysql", lambda: MySql(MySqlHook(mysql_conn_id=conn_id).get_conn))

    def postgres(self) -> Postgres:
        """Return the client of the connection `postgres`; each use of it opens a connection of its own."""
        from airflow.providers.postgres.hooks.postgres import PostgresHook

        from upkeep.clients.postgres import Postgres

        hook = PostgresHook(postgres_conn_id=self._connection("postgres").conn_id)
        # The hook's type names a wider protocol than the one connection that it returns.
        return self._once("postgres", lambda: Postgres(cast("Callable[[], Any]", hook.get_conn)))

    def redis(self) -> Redis:
        """Return the client of the connection `redis`."""
        from airflow.providers.redis.hooks.redis import RedisHook

        from upkeep.clients.redis import Redis

        hook: Any = RedisHook(redis_conn_id=self._connection("redis").conn_id)
        return self._once("redis", lambda: Redis(hook.get_conn()))

    def kafka(self) -> dict[str, Any]:
        """Return the librdkafka configuration of the connection `kafka`."""
        return dict(self._connection("kafka").extra_dejson)

    def aws(self, service: str, region: str | None = None) -> Any:
        """Return a boto3 client of the connection `aws`; region: another than the connection's."""
        return self._once(f"aws {service} {region}", lambda: self._aws_hook(service, region).get_conn())

    def _aws_hook(self, service: str, region: str | None = None) -> Any:
        from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

        from upkeep.clients.aws.errors import client_config

        conn_id = self._connection("aws").conn_id
        return AwsBaseHook(
            aws_conn_id=conn_id, client_type=service, region_name=region, config=client_config()
        )

    def http(self) -> Endpoint:
        """Return the end point of the connection `http`."""
        return self._endpoint("http")

    def http_extra(self) -> dict[str, Any]:
        """Return the extra of the connection `http`, such as TLS end points under other addresses."""
        return dict(self._connection("http").extra_dejson)

    def loki(self) -> Endpoint:
        """Return the end point of the connection `loki`."""
        return self._endpoint("loki")

    def database(self, role: Literal["mysql", "postgres", "restore"]) -> DatabaseServer:
        """Return the database of a connection, as its own programs reach it."""
        from upkeep.operators.databases import server_of

        return server_of(self._connection(role))

    def git(self) -> tuple[str, GitLogin]:
        """Return the repository of the connection `git`, and how to log in."""
        from upkeep.operators.repositories import git_of

        return git_of(self._connection("git"))

    def folder(self) -> Path:
        """Return the folder of the connection `files`, whose extra names its path."""
        connection = self._connection("files")
        path = connection.extra_dejson.get("path")
        if not path:
            raise ConfigurationError(f"the connection {connection.conn_id!r} names no path in its extra")
        return Path(path)

    def restic(self, bucket: str, prefix: str) -> ResticPlace:
        """Return a restic repository in a bucket of the connection `aws`; its password is the backup key."""
        from upkeep.backups.files.place import ResticPlace

        hook = self._aws_hook("s3")
        keys = hook.get_credentials()
        environment = {
            "AWS_ACCESS_KEY_ID": keys.access_key,
            "AWS_SECRET_ACCESS_KEY": keys.secret_key,
            "AWS_DEFAULT_REGION": hook.region_name or "us-east-1",
        } | ({"AWS_SESSION_TOKEN": keys.token} if keys.token else {})
        url = hook.get_conn().meta.endpoint_url
        return ResticPlace(f"s3:{url}/{bucket}/{prefix}", self._restic_password(), environment)

    def pgbackrest(self, stanza: str) -> PgBackRestPlace:
        """Return a stanza of the connection `pgbackrest`."""
        from upkeep.operators.repositories import pgbackrest_of

        return pgbackrest_of(self._connection("pgbackrest"), stanza, self._private_folder())

    def _private_folder(self) -> Path:
        """Return a folder for this task's secrets, which goes with it."""
        return self._stack.enter_context(scratch("upkeep-secrets-"))

    def _restic_password(self) -> Path:
        """Return a file with the password, for this task alone."""
        file = self._private_folder() / "password"
        file.touch(mode=0o600)
        file.write_text(self.backup_key().opening())
        return file

    def backup_key(self) -> BackupKey:
        """Return the key of the connection `backup_key`: its login seals, its password opens."""
        from upkeep.backups.keys import BackupKey

        connection = self._connection("backup_key")
        if not connection.login:
            raise ConfigurationError(
                f"the connection {connection.conn_id!r} has no login; write the recipient there (age1…)"
            )
        return BackupKey(connection.login, connection.password or None)

    def _once(self, key: str, make: Callable[[], T]) -> T:
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            return cast("T", self._made[key])

    def _endpoint(self, role: ConnectionRole) -> Endpoint:
        from upkeep.clients.endpoint import Endpoint

        connection = self._connection(role)
        scheme = connection.schema or ("https" if connection.conn_type == "https" else "http")
        port = f":{connection.port}" if connection.port else ""
        extra = connection.extra_dejson
        return Endpoint(
            base_url=f"{scheme}://{connection.host}{port}{extra.get('path', '')}",
            auth=(connection.login, connection.password or "") if connection.login else None,
            **{name: extra[name] for name in KEPT_EXTRAS if name in extra},
        )

    def _connection(self, role: ConnectionRole) -> Connection:
        with self._asking:  # once a task: each question goes to Airflow's API server
            if role not in self._connections:
                self._connections[role] = self._ask_for(role)
            return self._connections[role]

    def _ask_for(self, role: ConnectionRole) -> Connection:
        conn_id = self._system.connections.get(role)
        if conn_id is None:
            raise ConfigurationError(f"the catalog names no {role} connection for {self._system.title}")
        try:
            return BaseHook.get_connection(conn_id)
        except AirflowNotFoundException as e:
            raise ConfigurationError(
                f"Airflow has no connection {conn_id!r} ({role} of {self._system.title}); create it, or "
                "correct the id in the catalog"
            ) from e
