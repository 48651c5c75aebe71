"""An S3 that has any number of object versions, made up while they are listed, and counts what is deleted.

Run it as a program: it prints its port, and answers until its input ends. moto takes ten seconds to list
10,000 versions, so that nothing else could be measured beside it.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

EACH = 10
"""Versions of each key; of every fifth key the newest is a delete marker."""

PAGE = 1_000
NEWEST = datetime(2026, 11, 1, tzinfo=UTC)
APART = timedelta(hours=31)
_ROOT = "http://s3.amazonaws.com/doc/2006-03-01/"


def version_xml(number: int) -> str:
    """Return the entry of one version in a listing, counted from 0."""
    key, age = divmod(number, EACH)
    marker = age == 0 and key % 5 == 0
    name = "DeleteMarker" if marker else "Version"
    at = NEWEST - APART * age
    data = f"<ETag>&quot;{number:032x}&quot;</ETag><Size>{number}</Size><StorageClass>STANDARD</StorageClass>"
    return (
        f"<{name}><Key>files/{key:08}.pdf</Key><VersionId>v{number:031}</VersionId>"
        f"<IsLatest>{'true' if age == 0 else 'false'}</IsLatest>"
        f"<LastModified>{at:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>{'' if marker else data}</{name}>"
    )


class _Store(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    count = 0
    batches: list[int]
    lock = threading.Lock()

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        if self.path == "/stats":
            self._answer(json.dumps(self.batches), "application/json")
        elif "versions" in asked:
            self._answer(self._page(asked))
        elif "versioning" in asked:
            self._answer("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
        else:
            self._answer("<Error><Code>ObjectLockConfigurationNotFoundError</Code></Error>", status=404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.lock:
            self.batches.append(len(re.findall(rb"<Object>", body)))
        self._answer(f'<DeleteResult xmlns="{_ROOT}"></DeleteResult>')

    def _page(self, asked: dict[str, list[str]]) -> str:
        marker = asked.get("version-id-marker", [""])[0]
        first = int(marker[1:]) + 1 if marker else 0
        last = min(first + PAGE, self.count)
        entries = "".join(version_xml(number) for number in range(first, last))
        more = last < self.count
        following = (
            f"<NextKeyMarker>files/{(last - 1) // EACH:08}.pdf</NextKeyMarker>"
            f"<NextVersionIdMarker>v{last - 1:031}</NextVersionIdMarker>"
        )
        return (
            f'<ListVersionsResult xmlns="{_ROOT}"><IsTruncated>{str(more).lower()}</IsTruncated>'
            f"{following if more else ''}{entries}</ListVersionsResult>"
        )

    def _answer(self, text: str, kind: str = "application/xml", status: int = 200) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def main() -> None:
    """Serve so many versions as the argument says."""
    store = type("Store", (_Store,), {"count": int(sys.argv[1]), "batches": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), store)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()
