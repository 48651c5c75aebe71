"""A real Prometheus over a past that a test writes as OpenMetrics."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

Samples = Mapping[str, Callable[[datetime], float | None]]
"""Series, such as `up{job="api"}`, and the value at a moment; None where there is no sample."""


@contextmanager
def prometheus(
    folder: Path, series: Samples, *, start: datetime, end: datetime, step: timedelta
) -> Iterator[str]:
    """Run Prometheus over the series from `start` to `end` and yield its URL."""
    if not shutil.which("prometheus") or not shutil.which("promtool"):
        pytest.skip("prometheus and promtool are not installed (Debian package prometheus)")
    text, data = folder / "past.om", folder / "data"
    text.write_text(_openmetrics(series, start, end, step))
    config = folder / "prometheus.yml"
    config.write_text("global: {scrape_interval: 15s}\n")
    making = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=720h"]
    subprocess.run([*making, str(text), str(data)], check=True, capture_output=True, timeout=60)
    log = folder / "prometheus.log"
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=50y",
        "--web.listen-address=127.0.0.1:0",
    ]
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT) as process:
        try:
            yield f"http://{_address(process, log)}"
        finally:
            process.terminate()


def _address(process: subprocess.Popen[bytes], log: Path, seconds: float = 30) -> str:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        written = log.read_text()
        found = re.search(r'msg="Listening on" address=([\d.:]+)', written)
        if found and "Server is ready" in written:
            return found[1]
        time.sleep(0.05)
    raise AssertionError(f"Prometheus did not start: {log.read_text()[-2000:]}")


def _openmetrics(series: Samples, start: datetime, end: datetime, step: timedelta) -> str:
    lines: list[str] = []
    families: dict[str, list[str]] = {}
    for name, value_at in series.items():
        rows = families.setdefault(name.split("{")[0], [])
        at = start
        while at <= end:
            if (value := value_at(at)) is not None:
                rows.append(f"{name} {value} {at.timestamp():.3f}")
            at += step
    for family, rows in families.items():
        lines += [f"# TYPE {family} unknown", *rows]
    return "\n".join([*lines, "# EOF", ""])
