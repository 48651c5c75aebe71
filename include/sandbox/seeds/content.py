"""What backups contain: a real dump where it can be restored, else files that unpack."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from datetime import datetime

_HEADER = """\
-- MariaDB dump, database tasks_db, {moment:%Y-%m-%d %H:%M:%S} UTC
DROP TABLE IF EXISTS `tasks`;
CREATE TABLE `tasks` (
  `id` bigint NOT NULL AUTO_INCREMENT, `title` varchar(120) NOT NULL, `status` varchar(20) NOT NULL,
  `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, PRIMARY KEY (`id`)
);
"""
_BYTES_PER_ROW = 19
"""What a row of the dump takes once it is compressed."""


def content(key: str, size: int, moment: datetime) -> bytes:
    """Return about `size` bytes that are what the key's extension says; always the same ones."""
    chance = random.Random(key)
    if key.endswith(".sql.gz"):
        return gzip.compress(_dump(size, moment, chance).encode(), 6, mtime=0)
    if key.endswith(".tar.gz"):
        return _archive(chance.randbytes(size))
    if key.endswith(".yaml"):
        return _yaml(size, chance)
    return b"PGDMP" + chance.randbytes(max(0, size - 5))


def _dump(size: int, moment: datetime, chance: random.Random) -> str:
    rows = []
    for number in range(1, max(2, size // _BYTES_PER_ROW)):
        title = f"task {chance.getrandbits(40):x}"
        made = f"{moment:%Y-%m-%d} {chance.randrange(24):02}:{chance.randrange(60):02}:00"
        rows.append(f"({number},'{title}','{chance.choice(('open', 'running', 'done'))}','{made}','{made}')")
    inserts = "INSERT INTO `tasks` VALUES\n" + ",\n".join(rows) + ";\n"
    return _HEADER.format(moment=moment) + inserts + "-- Dump completed\n"


def _archive(data: bytes) -> bytes:
    out = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        entry = tarfile.TarInfo("data.bin")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def _yaml(size: int, chance: random.Random) -> bytes:
    lines = ["apiVersion: v1", "kind: List", "items:"]
    length = sum(map(len, lines))
    while length < size:
        line = f"- {{apiVersion: v1, kind: ConfigMap, metadata: {{name: item-{chance.getrandbits(64):x}}}}}"
        lines.append(line)
        length += len(line) + 1
    return "\n".join(lines).encode() + b"\n"
