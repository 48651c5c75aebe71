"""One Airflow for the whole folder: it takes half a minute to start."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.airflow.depot import DEPOT, Depot, depot
from tests.airflow.quay import QUAY, Quay
from tests.airflow.shop import SECRET, SHOP_OF_AIRFLOW
from tests.airflow.waiting import wait_for_system
from tests.airflow.yard import YARD, Yard
from tests.paging.conftest import Outside, servers
from tests.servers.airflow import RunningAirflow, airflow
from tests.servers.bad import hanging
from tests.servers.cluster import cluster
from tests.servers.ledger import postgres_server
from tests.servers.prometheus import prometheus

__all__ = ["depot", "postgres_server", "servers"]

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="session")
def shop_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Nine days of a shop that had one bad day: five days ago, 3 % of the requests failed."""
    bad_day = (NOW - timedelta(days=5)).date()

    def share(at: datetime) -> float:
        return 0.03 if at.date() == bad_day else 0.001

    series = {"shop_error_ratio": share, 'shop_requests{handler="/buy"}': lambda _: 12.0}
    folder = tmp_path_factory.mktemp("prometheus")
    with prometheus(
        folder, series, start=NOW - timedelta(days=9), end=NOW + timedelta(hours=1), step=timedelta(minutes=2)
    ) as url:
        yield url


@pytest.fixture(scope="session")
def yard(depot: Depot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    folder = tmp_path_factory.mktemp("yard")
    with cluster(folder) as found:
        made = Yard(depot, found, folder)
        made.fill()
        yield made


@pytest.fixture(scope="session")
def quay(depot: Depot) -> Quay:
    made = Quay(depot)
    made.fill()
    return made


@pytest.fixture(scope="session")
def stores(depot: Depot, yard: Yard, quay: Quay) -> dict[str, str]:
    """The connections of the systems that are changed."""
    return depot.connections() | yard.connections() | quay.connections()


@pytest.fixture(scope="session")
def running(
    tmp_path_factory: pytest.TempPathFactory,
    shop_prometheus: str,
    servers: Outside,
    stores: dict[str, str],
) -> Iterator[RunningAirflow]:
    systems = tmp_path_factory.mktemp("systems")
    (systems / "shop.yaml").write_text(SHOP_OF_AIRFLOW)
    (systems / "depot.yaml").write_text(DEPOT)
    (systems / "yard.yaml").write_text(YARD)
    (systems / "quay.yaml").write_text(QUAY)
    where = urlsplit(shop_prometheus)
    web = {"conn_type": "http", "host": where.hostname, "port": where.port}
    with hanging() as port:
        slow = {"conn_type": "http", "host": "127.0.0.1", "port": port, "login": "probe", "password": SECRET}
        connections = {"shop_prometheus": json.dumps(web), "shop_http": json.dumps(slow)}
        outside = {name: json.dumps(one) for name, one in servers.connections().items()}
        with airflow(Path(systems), connections | outside | stores) as found:
            yield found


@pytest.fixture(scope="module")
def shop(running: RunningAirflow) -> RunningAirflow:
    """The shop's DAGs are known, and so is its pool, which the watchdog makes."""
    wait_for_system(running, "shop", "daily")
    return running
