"""Repositories from Airflow connections: of Git, and of pgBackRest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from upkeep.backups.kubernetes.repository import GitLogin
    from upkeep.backups.physical.place import PgBackRestPlace


def git_of(connection: Connection) -> tuple[str, GitLogin]:
    """Return the URL of a repository, and how to log in. Raises ConfigurationError without one.

    The host is the URL; login and password are for https; the extra may name key_file and known_hosts_file
    for ssh.
    """
    from upkeep.backups.kubernetes.repository import GitLogin

    extra = connection.extra_dejson
    if not connection.host:
        raise ConfigurationError(f"the connection {connection.conn_id!r} has no host; write the URL there")
    login = GitLogin(
        username=connection.login or "",
        password=connection.password or "",
        ssh_key_file=extra.get("key_file"),
        known_hosts_file=extra.get("known_hosts_file"),
    )
    return connection.host, login


def pgbackrest_of(connection: Connection, stanza: str, folder: Path) -> PgBackRestPlace:
    """Return a stanza of a connection; its configuration, secrets included, is written into a folder.

    The password is the repository's pass phrase. The extra has `options`, pgBackRest's own; `programs`, the
    folder of PostgreSQL's programs of the server's version; and, where needed, `folder` for recoveries,
    `user` who runs all this if the worker is root, `superuser` of the cluster.
    """
    from upkeep.backups.physical.place import PgBackRestPlace, write_config
    from upkeep.backups.physical.stanza import Stanza

    extra = connection.extra_dejson
    options, programs = extra.get("options"), extra.get("programs")
    if not isinstance(options, dict) or not programs:
        raise ConfigurationError(
            f"the connection {connection.conn_id!r} lacks 'options' or 'programs' in its extra; write "
            '{"options": {"repo1-path": "...", "pg1-path": "..."}, "programs": "/usr/lib/postgresql/15/bin"}'
        )
    secret = {}
    if connection.password:
        secret = {"repo1-cipher-type": "aes-256-cbc", "repo1-cipher-pass": connection.password}
    user = extra.get("user")
    config = write_config(folder, stanza, {"log-level-file": "off", **options, **secret}, user)
    return PgBackRestPlace(
        stanza=Stanza(config=config, name=stanza, programs=Path(programs), user=user),
        folder=Path(extra["folder"]) if extra.get("folder") else None,
        superuser=extra.get("superuser", "postgres"),
    )
