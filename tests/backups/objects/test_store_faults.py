"""A bucket behind bad networks and busy servers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from bench.version_store import version_xml
from tests.servers.aws import aws_client

from upkeep.backups.objects import deletion
from upkeep.backups.objects.deletion import delete_versions
from upkeep.backups.objects.expiring import VersionRules
from upkeep.backups.objects.expiry import delete_planned, plan_versions
from upkeep.catalog.models.backups import Keep
from upkeep.errors import BadAnswer, ConfigurationError, PermanentError, TemporaryError

LISTING = "<ListVersionsResult>{}</ListVersionsResult>"
Answer = tuple[int, str] | None


@contextmanager
def store(answer: Callable[[str, str, bytes], Answer]) -> Iterator[str]:
    """Serve what `answer` gives for a method, path and body; for None the answer is cut in the middle."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found = answer(self.command, self.path, body)
            if "versioning" in self.path and found is not None:
                found = (200, "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
            if "object-lock" in self.path:
                found = (404, "<Error><Code>ObjectLockConfigurationNotFoundError</Code></Error>")
            status, text = found or (200, LISTING.format("<IsTruncated>true"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(text) + (found is None) * 1000))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = _any

        def log_message(self, *_) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def page(first: int, count: int, *, more: bool, following: bool = True) -> str:
    marker = (
        "<NextKeyMarker>k</NextKeyMarker><NextVersionIdMarker>v</NextVersionIdMarker>" if following else ""
    )
    entries = "".join(version_xml(n) for n in range(first, first + count))
    return LISTING.format(f"<IsTruncated>{str(more).lower()}</IsTruncated>{marker if more else ''}{entries}")


def rules() -> VersionRules:
    return VersionRules(Keep(daily_days=1), "UTC", datetime.now(UTC) + timedelta(days=900))


class TestListings:
    """A part of a listing is never taken for all of it, and nothing is deleted by it."""

    @staticmethod
    def _refused(second: Answer, error: type[Exception], match: str) -> None:
        """Plan with a whole listing, then carry out with one whose second page goes wrong."""
        deletes: list[bytes] = []
        broken = False

        def answer(method: str, path: str, body: bytes) -> Answer:
            if method == "POST":
                deletes.append(body)
                return 200, "<DeleteResult></DeleteResult>"
            if "version-id-marker" not in path:
                return 200, page(0, 500, more=True)
            return second if broken else (200, page(500, 500, more=False))

        with store(answer) as url:
            client = aws_client("s3", url, 2)
            plan = plan_versions(client, "media", "", rules())
            assert plan["expiring"] > 500
            broken = True
            with pytest.raises(error, match=match):
                plan_versions(client, "media", "", rules())
            with pytest.raises(error, match=match):
                delete_planned(client, plan)
            assert deletes == []
            broken = False
            assert delete_planned(client, plan) == plan["expiring"]

    def test_the_network_is_cut(self):
        self._refused(None, TemporaryError, "media")

    def test_credentials_expire(self):
        answer = "<Error><Code>ExpiredToken</Code><Message>The token has expired</Message></Error>"
        self._refused((400, answer), ConfigurationError, "ExpiredToken.*credentials")

    def test_the_server_is_too_busy(self):
        self._refused((503, "<Error><Code>SlowDown</Code></Error>"), TemporaryError, "SlowDown")

    def test_it_says_there_is_more_and_not_where(self):
        self._refused((200, page(500, 100, more=True, following=False)), BadAnswer, "says that there is more")

    def test_an_answer_without_an_end_mark(self):
        self._refused((200, LISTING.format("")), BadAnswer, "IsTruncated")

    def test_an_order_that_is_none(self):
        self._refused((200, page(100, 500, more=False)), BadAnswer, "comes after")

    def test_a_sign_in_page(self):
        self._refused((200, "<html>Sign in"), TemporaryError, "media")


class TestDeletes:
    """What S3 says of single versions, in an answer that is a success."""

    @staticmethod
    def _deleted(count: int, errors: Callable[[int, str], str | None]) -> tuple[list[int], Callable[[], int]]:
        """Return the sizes of the batches that arrive, and what deletes; errors by request number and key."""
        batches: list[int] = []

        def answer(method: str, path: str, body: bytes) -> Answer:
            keys = re.findall(r"<Key>(.*?)</Key>", body.decode())
            batches.append(len(keys))
            found = [(key, code) for key in keys if (code := errors(len(batches), key))]
            rows = "".join(
                f"<Error><Key>{key}</Key><VersionId>1</VersionId><Code>{code}</Code></Error>"
                for key, code in found
            )
            return 200, f"<DeleteResult>{rows}</DeleteResult>"

        def delete() -> int:
            with store(answer) as url:
                ids = ((f"k{n}", "1") for n in range(count))
                return delete_versions(aws_client("s3", url, 2), "media", ids, pause_seconds=0)

        return batches, delete

    def test_in_batches_of_a_thousand(self):
        batches, delete = self._deleted(2_500, lambda *_: None)
        assert delete() == 2_500
        assert batches == [1_000, 1_000, 500]

    def test_the_busy_ones_are_asked_again_alone(self):
        batches, delete = self._deleted(
            1_500, lambda request, key: "SlowDown" if request < 3 and key in ("k1", "k2") else None
        )
        assert delete() == 1_500
        assert batches == [1_000, 2, 2, 500]

    def test_what_stays_busy_is_temporary_and_holds_nothing_up(self):
        batches, delete = self._deleted(1_500, lambda _, key: "InternalError" if key == "k1" else None)
        with pytest.raises(TemporaryError, match=r"1 not deleted: k1 \(1\): InternalError; 1,499 others"):
            delete()
        assert batches == [1_000, *[1] * (deletion.ATTEMPTS - 1), 500]

    def test_what_is_refused_is_named_and_holds_nothing_up(self):
        batches, delete = self._deleted(1_500, lambda _, key: "AccessDenied" if key < "k101" else None)
        with pytest.raises(
            PermanentError, match=r"14 not deleted: k0 .*; 4 more; those are under legal hold"
        ):
            delete()
        assert batches == [1_000, 500]

    def test_what_is_gone_is_gone(self):
        _, delete = self._deleted(10, lambda *_: "NoSuchVersion")
        assert delete() == 10
