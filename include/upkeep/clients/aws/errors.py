"""What is common to all AWS calls: time-outs, pages, and errors told apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from upkeep.clients.answers import NotFoundError, mapping, require, safe_excerpt
from upkeep.errors import BadAnswer, ConfigurationError, PermanentError, TemporaryError, UpkeepError

_NOT_FOUND = ("NotFound", "NoSuchKey", "NoSuchBucket", "404", "NoSuchEntity")
_DENIED = ("AccessDenied", "Unauthorized", "Forbidden", "ExpiredToken", "InvalidClientTokenId", "AuthFailure")
# A refused HEAD has no reason in it but its status; S3 answers 400 to a token that has expired.
_DENIED_EXACTLY = {
    "400",
    "401",
    "403",
    "SignatureDoesNotMatch",
    "InvalidAccessKeyId",
    "UnrecognizedClientException",
}
_BUSY = (
    "Throttl",
    "TooManyRequests",
    "RequestLimitExceeded",
    "SlowDown",
    "ServiceUnavailable",
    "InternalError",
)
_BUSY_EXACTLY = {"RequestTimeout", "InternalFailure", "InternalServerError", "500", "503"}


def client_settings(timeout_seconds: float = 10) -> dict[str, Any]:
    """Return what botocore's configuration of a client says: time-outs per request, two repeats."""
    return {
        "connect_timeout": min(3.0, timeout_seconds),
        "read_timeout": timeout_seconds,
        "retries": {"total_max_attempts": 3, "mode": "standard"},
    }


def client_config(timeout_seconds: float = 10) -> Any:
    """Return the botocore configuration for a client."""
    from botocore.config import Config

    return Config(**client_settings(timeout_seconds))


@contextmanager
def aws_errors(where: str) -> Iterator[None]:
    """Translate botocore's exceptions into ours."""
    import botocore.exceptions as their
    from botocore.parsers import ResponseParserError

    try:
        yield
    except their.ClientError as e:
        raise _client_error(e, where) from e
    except (their.NoCredentialsError, their.PartialCredentialsError, their.NoRegionError) as e:
        raise ConfigurationError(f"{where}: {safe_excerpt(str(e))}; check the connection") from e
    except (their.ParamValidationError, their.InvalidRegionError, their.SSLError) as e:
        raise ConfigurationError(f"{where}: {safe_excerpt(str(e))}") from e
    except (ResponseParserError, their.PaginationError) as e:
        raise BadAnswer(f"{where}: not an answer of AWS: {safe_excerpt(str(e))}") from e
    except KeyError as e:
        raise BadAnswer(f"{where}: the answer has no {e}") from e
    except (their.HTTPClientError, their.ConnectionError) as e:
        raise TemporaryError(f"{where}: cannot reach AWS: {safe_excerpt(str(e))}") from e
    except their.BotoCoreError as e:
        raise PermanentError(f"{where}: {safe_excerpt(str(e))}") from e


def _client_error(e: Any, where: str) -> UpkeepError:
    """Return our error for one that AWS answered."""
    error = e.response.get("Error", {})
    code = str(error.get("Code", ""))
    status = e.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said = f"{where}: {code}: {safe_excerpt(str(error.get('Message', '')))}"
    if code.startswith(_BUSY) or code in _BUSY_EXACTLY or status == 429 or status >= 500:
        return TemporaryError(said)
    if code.startswith(_DENIED) or code in _DENIED_EXACTLY:
        return ConfigurationError(f"{said}; check the connection's credentials and rights")
    if any(word in code for word in _NOT_FOUND):
        return NotFoundError(said)
    if code.startswith(("Invalid", "Validation")):
        return ConfigurationError(said)
    return PermanentError(said)


def page_items(
    client: Any, operation: str, wanted: Mapping[str, Any], key: str, where: str
) -> Iterator[dict[str, Any]]:
    """Yield the items under `key` of every page of an operation; call it within `aws_errors`."""
    for page in client.get_paginator(operation).paginate(**wanted):
        for item in require(page.get(key) or [], list, where):
            yield mapping(item, where)
