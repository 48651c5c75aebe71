"""A real MariaDB and a real PostgreSQL with a small shop in each, and moto's S3."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

# The servers that several test folders share are importable as `servers`, ours as `dumped_shop`.
for folder in (Path(__file__).parents[2], Path(__file__).parent):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from dumped_shop import fill, make_bucket  # noqa: E402

from sandbox.parts import postgres  # noqa: E402
from servers import databases  # noqa: E402
from servers.aws import Aws, aws  # noqa: E402
from upkeep.backups.dumps import DatabaseServer  # noqa: E402


@pytest.fixture(scope="session")
def cloud() -> Iterator[Aws]:
    """S3."""
    with aws() as found:
        yield found


@pytest.fixture
def s3(cloud: Aws) -> Any:
    """A client of S3; the bucket is empty and keeps versions."""
    make_bucket(cloud["s3"])
    return cloud["s3"]


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[DatabaseServer]:
    """A MariaDB, its user with all rights."""
    with databases.mysql_with_all_rights() as server:
        fill(server)
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[DatabaseServer]:
    """A PostgreSQL, its superuser."""
    with databases._folder() as folder:
        endpoint = databases._started(postgres.start, folder)
        assert endpoint.port is not None
        passwords = json.loads(Path(str(endpoint.credentials_file)).read_text())
        server = DatabaseServer(
            "postgres", "127.0.0.1", endpoint.port, "postgres", passwords["postgres"], "shop"
        )
        fill(server)
        yield server


@pytest.fixture(params=["mysql", "postgres"])
def server(request: pytest.FixtureRequest) -> DatabaseServer:
    """Each of them in turn; its database is the shop."""
    return request.getfixturevalue(f"{request.param}_server")  # type: ignore[no-any-return]


@pytest.fixture
def beside(server: DatabaseServer) -> Iterator[DatabaseServer]:
    """A database beside the shop that does not exist, and does not remain."""
    from upkeep.backups.dumps.marks import databases as those

    target = server.at("shop_restored")
    those(server).drop(target.database)
    yield target
    those(server).drop(target.database)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The PEM file of a certificate authority that has signed nothing."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return str(path)
