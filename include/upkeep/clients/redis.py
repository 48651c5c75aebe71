"""Redis and Valkey: memory and hits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from upkeep.clients.answers import mapping, safe_excerpt
from upkeep.errors import BadAnswer, ConfigurationError, PermanentError, TemporaryError

if TYPE_CHECKING:
    import redis


@dataclass(frozen=True)
class RedisStatus:
    """What INFO says. max_bytes: None where the server has no limit. Counters run since its start."""

    version: str
    uptime_seconds: int
    used_bytes: int
    max_bytes: int | None
    eviction_policy: str
    hits: int
    misses: int
    evicted_keys: int
    expired_keys: int
    rejected_connections: int
    connected_clients: int
    blocked_clients: int
    commands_per_second: int

    @property
    def used_ratio(self) -> float | None:
        """Used share of the limit, None without a limit."""
        return None if self.max_bytes is None else self.used_bytes / self.max_bytes

    @property
    def hit_ratio(self) -> float | None:
        """Share of look-ups that found their key, None if there were none."""
        lookups = self.hits + self.misses
        return self.hits / lookups if lookups else None


def connect(  # noqa: PLR0913 - the parts of one address
    host: str,
    port: int = 6379,
    username: str | None = None,
    password: str | None = None,
    database: int = 0,
    *,
    tls: bool = False,
    ca_file: str | None = None,
    timeout_seconds: float = 5,
) -> redis.Redis:
    """Return a client with time-outs and one retry of a connection; nothing is sent yet."""
    import redis
    from redis.backoff import ConstantBackoff
    from redis.retry import Retry

    options: dict[str, Any] = (
        {"ssl": True, "ssl_cert_reqs": "required", "ssl_ca_certs": ca_file} if tls else {}
    )
    return redis.Redis(
        host=host,
        port=port,
        username=username,
        password=password,
        db=database,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(ConstantBackoff(0.1), 1),
        retry_on_error=[],
        **options,
    )


class Redis:
    """One server, reached with a ready-made client of redis-py that has time-outs; close it yourself."""

    def __init__(self, client: redis.Redis, name: str = "Redis") -> None:
        self._client = client
        self._name = name

    def __repr__(self) -> str:
        return f"Redis({self._name!r})"

    def status(self) -> RedisStatus:
        """Return what INFO says.

        Raises TemporaryError (refused, timed out, loading), ConfigurationError (credentials, rights)
        and BadAnswer.
        """
        with _errors(self._name):
            info = mapping(cast("Any", self._client.info("everything")), self._name)
        limit = _number(info, "maxmemory")
        return RedisStatus(
            version=str(info.get("valkey_version") or info.get("redis_version") or ""),
            uptime_seconds=_number(info, "uptime_in_seconds"),
            used_bytes=_number(info, "used_memory"),
            max_bytes=limit or None,
            eviction_policy=str(info.get("maxmemory_policy", "")),
            hits=_number(info, "keyspace_hits"),
            misses=_number(info, "keyspace_misses"),
            evicted_keys=_number(info, "evicted_keys"),
            expired_keys=_number(info, "expired_keys"),
            rejected_connections=_number(info, "rejected_connections"),
            connected_clients=_number(info, "connected_clients"),
            blocked_clients=_number(info, "blocked_clients"),
            commands_per_second=_number(info, "instantaneous_ops_per_sec"),
        )


def _number(info: Mapping[str, Any], key: str) -> int:
    value = info.get(key)
    if not isinstance(value, int):
        raise BadAnswer(f"INFO of Redis has no number {key}: {safe_excerpt(repr(value))}")
    return value


@contextmanager
def _errors(where: str) -> Iterator[None]:
    """Translate redis-py's exceptions into ours."""
    import redis.exceptions as their

    try:
        yield
    except (their.AuthenticationError, their.AuthorizationError, their.NoPermissionError) as e:
        said = safe_excerpt(str(e))
        raise ConfigurationError(f"{where}: {said}; check the connection's credentials and rights") from e
    except their.TimeoutError as e:
        raise TemporaryError(f"{where}: no answer in time: {safe_excerpt(str(e))}") from e
    except (their.ConnectionError, their.TryAgainError, OSError) as e:
        raise TemporaryError(f"{where}: {safe_excerpt(str(e))}; is the server up?") from e
    except (their.InvalidResponse, ValueError) as e:
        raise BadAnswer(f"{where}: not the answer of a Redis server: {safe_excerpt(str(e))}") from e
    except their.RedisError as e:
        raise PermanentError(f"{where}: {safe_excerpt(str(e))}") from e
