"""Repositories from Airflow connections: pgBackRest's secrets are in a file for its owner alone."""

from __future__ import annotations

import json
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Connection

from upkeep.errors import ConfigurationError
from upkeep.operators.repositories import git_of, pgbackrest_of

SERVER = {"repo1-path": "/srv/repo", "pg1-path": "/srv/data"}


def connection(password: str | None = None, **extra: Any) -> Connection:
    return Connection(
        conn_id="shop_pgbackrest", conn_type="generic", password=password, extra=json.dumps(extra)
    )


def test_what_the_connection_says_is_in_a_private_file(tmp_path: Path) -> None:
    options = {**SERVER, "repo1-s3-key-secret": "hush"}
    extra = {"options": options, "programs": "/usr/bin", "folder": "/srv/recovered", "superuser": "admin"}
    place = pgbackrest_of(connection("correct-horse", **extra), "main", tmp_path)

    assert place.stanza.config.stat().st_mode & 0o777 == 0o600
    said = ConfigParser()
    said.read(place.stanza.config)
    assert dict(said["global"]) == {
        "log-level-file": "off",
        "repo1-path": "/srv/repo",
        "repo1-s3-key-secret": "hush",
        "repo1-cipher-type": "aes-256-cbc",
        "repo1-cipher-pass": "correct-horse",
    }
    assert dict(said["main"]) == {"pg1-path": "/srv/data"}
    assert place.below("moment") == Path("/srv/recovered/moment")
    assert place.superuser == "admin"
    for secret in ("hush", "correct-horse"):
        assert secret not in repr(place)


def test_what_it_lacks_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="'shop_pgbackrest' lacks 'options' or 'programs'"):
        pgbackrest_of(connection(programs="/usr/bin"), "main", tmp_path)
    place = pgbackrest_of(connection(options=SERVER, programs="/usr/bin"), "main", tmp_path)
    with pytest.raises(ConfigurationError, match="names no 'folder'"):
        place.below("moment")
    smuggled = {"repo1-path": "/srv\nrepo1-type=s3"}
    with pytest.raises(ConfigurationError, match="more than one line"):
        pgbackrest_of(connection(options=smuggled, programs="/usr/bin"), "main", tmp_path)


def test_a_repository_of_git_has_a_url_and_a_login() -> None:
    extra = json.dumps({"key_file": "/etc/key", "known_hosts_file": "/etc/hosts"})
    said = {"conn_id": "shop_git", "conn_type": "generic", "login": "bot", "password": "hush", "extra": extra}
    url, login = git_of(Connection(**said, host="ssh://git/shop"))
    assert (url, login.username, login.password) == ("ssh://git/shop", "bot", "hush")
    assert (login.ssh_key_file, login.known_hosts_file) == ("/etc/key", "/etc/hosts")
    with pytest.raises(ConfigurationError, match="'shop_git' has no host"):
        git_of(Connection(**said))
