"""A small S3 that takes and gives bytes as fast as it can: it must not be what is measured.

It keeps each part as a file, checks no signature, and knows only what dumps and boto3's own upload ask for.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

PIECE_BYTES = 1024**2


class Objects(BaseHTTPRequestHandler):
    """Answers one connection; an object is a folder of numbered parts, an unfinished upload too."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    folder: ClassVar[Path]
    numbers: ClassVar = itertools.count()

    def do_PUT(self) -> None:
        """Take an object, or a part of an upload."""
        part = self._asked.get("partNumber")
        path = self._place(self._asked["uploadId"]) / f"{int(part):05}" if part else self._object / "00001"
        path.parent.mkdir(exist_ok=True)
        with path.open("wb", buffering=0) as file:
            self._take(file.write)
        self._answer(200)

    def do_POST(self) -> None:
        """Begin an upload, or finish it."""
        self._take(len)
        if "uploadId" in self._asked:
            shutil.rmtree(self._object, ignore_errors=True)
            self._place(self._asked["uploadId"]).rename(self._object)
            self._answer(
                200, "<CompleteMultipartUploadResult><ETag>whole</ETag></CompleteMultipartUploadResult>"
            )
            return
        upload = f"upload-{next(self.numbers)}"
        self._place(upload).mkdir()
        self._answer(200, f"<Result><UploadId>{upload}</UploadId></Result>")

    def do_GET(self) -> None:
        """Give an object; a bucket has no unfinished uploads."""
        if "uploads" in self._asked:
            self._answer(200, "<ListMultipartUploadsResult></ListMultipartUploadsResult>")
            return
        if not self._object.exists():
            self._answer(404, "<Error><Code>NoSuchKey</Code></Error>")
            return
        self._head(200, self._size())
        for part in sorted(self._object.iterdir()):
            with part.open("rb") as file:
                self.connection.sendfile(file)

    def do_HEAD(self) -> None:
        """Give an object's size."""
        self._head(*((200, self._size()) if self._object.exists() else (404, 0)))

    def do_DELETE(self) -> None:
        """Forget an object."""
        shutil.rmtree(self._object, ignore_errors=True)
        self._answer(204)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    @property
    def _asked(self) -> dict[str, str]:
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query, keep_blank_values=True))

    @property
    def _object(self) -> Path:
        return self._place(urllib.parse.urlsplit(self.path).path.strip("/").replace("/", "|"))

    def _place(self, name: str) -> Path:
        return self.folder / name

    def _size(self) -> int:
        return sum(part.stat().st_size for part in self._object.iterdir())

    def _take(self, write: Callable[[memoryview], object]) -> None:
        left, piece = int(self.headers.get("Content-Length", 0)), memoryview(bytearray(PIECE_BYTES))
        while left:
            taken = self.rfile.readinto(piece[: min(left, PIECE_BYTES)])
            if not taken:
                raise ConnectionError("the body is cut off")
            write(piece[:taken])
            left -= taken

    def _answer(self, status: int, body: str = "") -> None:
        self._head(status, len(body))
        self.wfile.write(body.encode())

    def _head(self, status: int, length: int) -> None:
        self.send_response(status)
        for name, value in (("ETag", '"whole"'), ("Content-Length", str(length))):
            self.send_header(name, value)
        self.send_header("Last-Modified", self.date_time_string())
        self.end_headers()


def main() -> None:
    """Serve on a port of loopback until ended; the port is written to a file when it is open."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("ready", type=Path)
    told = parser.parse_args()
    Objects.folder = told.folder
    told.folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Objects)
    server.daemon_threads = True
    told.ready.write_text(str(server.server_address[1]))
    server.serve_forever()


if __name__ == "__main__":
    main()
