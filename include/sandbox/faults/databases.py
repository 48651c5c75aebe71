"""Connection pools that are exhausted, and payments that fail: really so, in the databases."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox import process
from sandbox.errors import SandboxError
from sandbox.estate import Estate
from sandbox.faults.model import Fault
from sandbox.faults.services import HEALTH, answer, answer_well, exhausted_pool
from sandbox.parts.mariadb import MAX_CONNECTIONS
from sandbox.parts.model import Context, start_server
from sandbox.parts.postgres import POOL_SIZE
from sandbox.parts.postgres_cluster import connection
from sandbox.process import Child

LEFT_FREE = 4
"""Connections that the checks of a task still get, so that they can see how few there are."""

QUIKAPP_PATH = "/actuator/health"
FAILED_PAYMENTS = 400
FAILURE = "sandbox: api_connection_error"


@dataclass(frozen=True)
class Pool:
    """A database's pool. part: the endpoint; size: connections it accepts; finding: what changes."""

    part: str
    engine: str
    user: str
    database: str
    size: int
    finding: str

    @property
    def holder(self) -> str:
        """The name of the process that takes the connections."""
        return f"fault-pool-{self.part}-{self.database}"

    def exhaust(self, estate: Estate) -> None:
        """Take all connections but a few."""
        part = estate.part(self.part)
        if any(process.alive(child) for child in self._holders(estate)):
            return
        arguments = (
            "--engine", self.engine, "--user", self.user, "--database", self.database,
            "--port", str(part.port), "--count", str(self.size - LEFT_FREE),
            "--credentials-file", str(part.credentials_file),
        )  # fmt: skip
        start_server(Context(folder=estate.folder), self.holder, "sandbox.faults.hold", arguments)

    def release(self, estate: Estate) -> None:
        """Give them back."""
        for child in self._holders(estate):
            process.stop(estate.folder, child)

    def _holders(self, estate: Estate) -> list[Child]:
        return [child for child in process.recorded(estate.folder) if child.name == self.holder]


POOLS = {
    "quikapp": Pool(
        "mysql-quikapp", "mysql", "quikapp", "quikapp", MAX_CONNECTIONS,
        "a check of the kind resource_usage: mysql_server_connections becomes critical",
    ),
    "maintenance-api": Pool(
        "mysql-maintenance-api", "mysql", "maintenance", "tasks_db", MAX_CONNECTIONS,
        "daily_review/resource_usage: mysql_server_connections becomes critical",
    ),
    "zetra": Pool(
        "postgres", "postgres", "zetra_admin", "zetra", POOL_SIZE,
        "daily_checks/health_dashboards: pool_usage_ratio becomes critical",
    ),
    "lessay": Pool(
        "postgres", "postgres", "lessay", "lessay", POOL_SIZE,
        "daily_metrics/metrics: pool_usage_ratio becomes critical",
    ),
}  # fmt: skip


def _pool(system: str, pool: Pool) -> Fault:
    return Fault(
        name=f"{system}-pool",
        system=system,
        breaks=f"{pool.size - LEFT_FREE} of the {pool.size} connections of its database are taken",
        finding=pool.finding,
        needs=(pool.part,),
        break_=pool.exhaust,
        heal=pool.release,
    )


def _report_exhausted(estate: Estate) -> None:
    answer("quikapp", path=QUIKAPP_PATH, body=exhausted_pool())(estate)


def _quikapp_pool() -> Fault:
    """The same, and its health end point says so."""
    pool = POOLS["quikapp"]

    def break_(estate: Estate) -> None:
        pool.exhaust(estate)
        _report_exhausted(estate)

    def heal(estate: Estate) -> None:
        pool.release(estate)
        answer_well("quikapp", QUIKAPP_PATH)(estate)

    plain = _pool("quikapp", pool)
    return Fault(
        name=plain.name, system=plain.system, breaks=plain.breaks, finding=plain.finding,
        needs=(*plain.needs, HEALTH), break_=break_, heal=heal,
    )  # fmt: skip


def _fail_payments(estate: Estate) -> None:
    _run(
        estate,
        "INSERT INTO payments (learner_id, amount_cents, status, failure, created_at) "
        "SELECT 1 + n %% 700, 1400, 'failed', %s, now() - n * interval '5 seconds' "
        "FROM generate_series(1, %s) AS n WHERE NOT EXISTS (SELECT 1 FROM payments WHERE failure = %s)",
        (FAILURE, FAILED_PAYMENTS, FAILURE),
    )
    answer("payment-provider", status=503, body={"status": "major outage"})(estate)


def _accept_payments(estate: Estate) -> None:
    _run(estate, "DELETE FROM payments WHERE failure = %s", (FAILURE,))
    answer_well("payment-provider")(estate)


def _run(estate: Estate, statement: str, values: tuple[object, ...]) -> None:
    import psycopg2

    part = estate.part("postgres")
    password = estate.password("postgres", "lessay")
    try:
        with (
            connection(part.port or 0, "lessay", password, "lessay") as database,
            database.cursor() as cursor,
        ):
            cursor.execute(statement, values)
    except psycopg2.Error as e:
        raise SandboxError(f"the sandbox's database lessay refused: {str(e).strip()}") from e


PAYMENTS = Fault(
    name="lessay-payments",
    system="lessay",
    breaks=f"{FAILED_PAYMENTS} payments failed in half an hour and the payment provider answers 503",
    finding="a check of the kind health: endpoint{name=payments} becomes critical",
    needs=("postgres", HEALTH),
    break_=_fail_payments,
    heal=_accept_payments,
)
FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        _quikapp_pool(),
        *(_pool(system, pool) for system, pool in POOLS.items() if system != "quikapp"),
        PAYMENTS,
    )
}
