"""Takes the connections of a database's pool and keeps them until it is stopped."""

from __future__ import annotations

import argparse
import json
import signal
from pathlib import Path
from typing import Any

from sandbox.parts.model import announce
from sandbox.ports import LOOPBACK


def main() -> None:
    """Open connections until `--count` are held, then wait for the signal to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", choices=("postgres", "mysql"), required=True)
    for name in ("--user", "--database"):
        parser.add_argument(name, required=True)
    for name in ("--port", "--count"):
        parser.add_argument(name, type=int, required=True)
    for name in ("--credentials-file", "--ready"):
        parser.add_argument(name, type=Path, required=True)
    arguments = parser.parse_args()
    password = json.loads(arguments.credentials_file.read_text())[arguments.user]
    held = [_connect(arguments, password) for _ in range(arguments.count)]
    announce(arguments.ready, {"held": len(held)})
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


def _connect(arguments: argparse.Namespace, password: str) -> Any:
    if arguments.engine == "postgres":
        import psycopg2

        return psycopg2.connect(
            host=LOOPBACK, port=arguments.port, user=arguments.user, password=password,
            dbname=arguments.database, application_name="connection leak",
        )  # fmt: skip
    import mysql.connector

    return mysql.connector.connect(
        host=LOOPBACK, port=arguments.port, user=arguments.user, password=password,
        database=arguments.database, use_pure=True,
    )  # fmt: skip


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
