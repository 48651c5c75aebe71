"""`upkeep backups dump`: what a job in Kubernetes runs to dump the database next to it."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from upkeep.errors import PermanentError

if TYPE_CHECKING:
    from upkeep.catalog.models.system import ConnectionRole

STOPPED = 143
"""The exit status of a program that was asked to end, as a shell would say it."""


@dataclass(frozen=True)
class _Connected:
    title: str
    connections: Mapping[ConnectionRole, str]


def dump(  # noqa: PLR0913, PLR0917 - a command's options
    name: Annotated[str, typer.Argument(help="The dump's name; one that is there is left as it is.")],
    to: Annotated[str, typer.Option(help="s3://BUCKET/PREFIX; the prefix with its /.")],
    encryption: Annotated[str, typer.Option(help="aws:kms, AES256, age or none.")],
    connection: Annotated[
        list[str], typer.Option(help="ROLE=ID, of postgres or mysql, of aws, and for age of backup_key.")
    ],
    smallest_bytes: Annotated[int, typer.Option(min=1, help="A smaller dump cannot be complete.")] = 1,
    binlog: Annotated[bool, typer.Option("--binlog", help="Note where MariaDB's binary log is.")] = False,
) -> None:
    """Dump a database to S3: what a backup's job runs. Its connections are in the environment.

    It needs neither the catalog nor the ledger, and can be repeated after a kill.
    """
    from upkeep.backups.dumps.orders import order_of
    from upkeep.operators.clients import AirflowClients

    signal.signal(signal.SIGTERM, _stop)
    order, connections = order_of(to, encryption, _pairs(connection), smallest_bytes, binlog=binlog)
    with AirflowClients(_Connected(f"the dump {name}", connections)) as clients:
        copy = order.method(clients).make(name)
    if copy.problems:
        raise PermanentError(f"{name} is not whole: {'; '.join(copy.problems)}")
    typer.echo(f"{copy.reference} is there: {copy.bytes:,} bytes, sha256 {copy.sha256}")


def _stop(number: int, frame: object) -> NoReturn:  # noqa: ARG001
    # The first process of a container ignores the signal unless it says what to do. An exit takes the
    # unfinished upload back, which a second signal must not break off.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(STOPPED)


def _pairs(said: Sequence[str]) -> dict[str, str]:
    pairs = (one.partition("=") for one in said)
    return {role: conn_id for role, _, conn_id in pairs}
