"""How much memory this process has taken."""

from __future__ import annotations

import re
from pathlib import Path


def peak_kib() -> int:
    """Return the peak resident memory of this process, in KiB.

    Not `ru_maxrss`: that of a new process begins with the memory of the one that started it.
    """
    [peak] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(peak)
