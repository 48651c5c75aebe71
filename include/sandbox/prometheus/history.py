"""The history: 90 days of samples as TSDB blocks, built by promtool, kept in the user's cache for the day."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox.errors import PartFailed
from sandbox.programs import find
from sandbox.prometheus import catalog
from sandbox.prometheus.estate import series, up
from sandbox.prometheus.incidents import INCIDENTS
from sandbox.prometheus.series import Series, moves_at
from sandbox.prometheus.shapes import DAY
from sandbox.prometheus.systems import SYSTEMS

HISTORY_DAYS = 90
FREQUENT_STEP_SECONDS = 150
"""Two samples in any closed window of 5 minutes, which `rate(…[5m])` needs; both steps divide a day."""
RARE_STEP_SECONDS = 288
"""Closer than the 5 minutes that Prometheus looks back for an instant value."""
DENSE_SECONDS, DENSE_STEP_SECONDS = 600, 15
"""Before live scraping begins: a rate over samples of very unequal distances comes out too small."""
_WHOLE_BLOCK = "40000h"
"""One block for all: promtool reads its input again for each block."""
_CACHED_DAYS = 2


def build(data: Path, anchor: float, now: float) -> None:
    """Fill `data` with the blocks of the 90 days before `anchor` and of the time since, up to `now`.

    Raises:
        PartMissing: promtool is not installed.
        PartFailed: promtool refused; the message says why.

    """
    data.mkdir(parents=True, exist_ok=True)
    for block in _cached(anchor).iterdir():
        shutil.copytree(block, data / block.name)
    if now > anchor:
        _blocks(anchor, anchor, now, data, last=now)


def _cached(anchor: float) -> Path:
    """Return the folder with the blocks up to `anchor`, built if it is not there."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "upkeep-sandbox" / "prometheus"
    folder = root / f"{int(anchor)}-{_digest()[:16]}"
    if folder.is_dir():
        return folder
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix="building-") as draft:
        blocks = Path(draft) / "blocks"
        blocks.mkdir()
        halves = [anchor - HISTORY_DAYS * DAY, anchor - HISTORY_DAYS * DAY / 2, anchor]
        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(lambda half: _in_own_process(anchor, half, blocks), itertools.pairwise(halves)))
        try:
            blocks.rename(folder)
        except OSError:
            # Somebody else was quicker with the same blocks.
            if not folder.is_dir():
                raise
    for old in sorted(root.glob("[0-9]*-*"), key=lambda path: path.stat().st_mtime)[:-_CACHED_DAYS]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def _digest() -> str:
    """A digest of everything that decides what the history holds."""
    sources = [*sorted(Path(__file__).parent.glob("*.py")), *sorted(catalog.FOLDER.glob("*.yaml"))]
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _in_own_process(anchor: float, part: tuple[float, float], blocks: Path) -> None:
    """Build one part in a process of its own, so that two cores share the work."""
    command = [
        sys.executable,
        "-m",
        "sandbox.prometheus.history",
        str(anchor),
        *map(str, part),
        str(blocks),
    ]
    include = str(Path(__file__).parents[2])
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": include}
    )
    if done.returncode:
        raise PartFailed(f"the history could not be built: {done.stderr.strip()[-400:]}")


def _blocks(anchor: float, start: float, end: float, blocks: Path, *, last: float | None = None) -> None:
    """Write the samples from `start` up to `end` (and one at `last`) as blocks."""
    promtool = find("promtool")
    with tempfile.TemporaryDirectory(dir=blocks.parent, prefix="samples-") as draft:
        text = Path(draft) / "samples.txt"
        with text.open("w") as out:
            out.writelines(_openmetrics(anchor, start, end, last))
        command = [
            str(promtool), "tsdb", "create-blocks-from", "openmetrics",
            f"--max-block-duration={_WHOLE_BLOCK}", "--quiet", str(text), draft + "/made",
        ]  # fmt: skip
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise PartFailed(f"promtool refused the history: {done.stderr.strip()[-400:]}")
        for block in (Path(draft) / "made").iterdir():
            if (block / "meta.json").is_file():
                block.rename(blocks / block.name)


def _openmetrics(anchor: float, start: float, end: float, last: float | None) -> Iterator[str]:
    """The samples as OpenMetrics text, one series after the other."""
    often = _times(start, end, FREQUENT_STEP_SECONDS, last)
    seldom = _times(start, end, RARE_STEP_SECONDS, last)
    at = {True: (often, [f" {t:.0f}\n" for t in often]), False: (seldom, [f" {t:.0f}\n" for t in seldom])}
    moves = {True: moves_at(often), False: moves_at(seldom)}
    every = [one for system in SYSTEMS for one in (*series(system, anchor), up(system, anchor))]
    for one in every:
        times, stamps = at[one.frequent]
        if times:
            yield from _lines(one, one.values(times, moves[one.frequent]), stamps)
    yield from _alerts(anchor, start, end, last)
    yield "# EOF\n"


def _times(start: float, end: float, step: int, last: float | None) -> list[float]:
    """The moments from `start` up to `end`; where `last` ends the history, it is dense before that."""
    if last is None:
        return [float(t) for t in range(int(start), int(end), step)]
    dense = max(int(start), int(last) - DENSE_SECONDS)
    usual, tail = range(int(start), dense, step), range(dense, int(last) + 1, DENSE_STEP_SECONDS)
    return [float(t) for t in sorted({*usual, *tail, int(last)})]


def _lines(one: Series, values: Sequence[float], stamps: Iterable[str]) -> Iterator[str]:
    name = one.text() + " "
    if one.whole:
        yield "".join([f"{name}{int(v)}{stamp}" for v, stamp in zip(values, stamps, strict=True)])
    else:
        yield "".join([f"{name}{v:.8g}{stamp}" for v, stamp in zip(values, stamps, strict=True)])


def _alerts(anchor: float, start: float, end: float, last: float | None) -> Iterator[str]:
    """What Prometheus recorded of the alerts that fired."""
    until = end if last is None else last
    systems = catalog.systems()
    for incident in INCIDENTS:
        labels: Mapping[str, str] = {
            "alertname": incident.alert,
            "alertstate": "firing",
            **catalog.alert_labels(systems, incident.system, incident.alert),
            **incident.labels,
        }
        pairs = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
        fired = [t for t in incident.fired_at(anchor, until) if start <= t < end or t == last]
        if last is not None and incident.minutes is None and last not in fired:
            fired.append(float(int(last)))
        yield "".join(f"ALERTS{{{pairs}}} 1 {t:.0f}\n" for t in fired)


if __name__ == "__main__":
    _anchor, _start, _end = map(float, sys.argv[1:4])
    _blocks(_anchor, _start, _end, Path(sys.argv[4]))
