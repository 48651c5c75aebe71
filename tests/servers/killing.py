"""Killing a process between two calls to AWS, at each call in turn."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.servers.aws_front import Front

ROOT = Path(__file__).parents[2]


def killed_at_call(front: Front, number: int, script: Path, *words: str) -> bool:
    """Run a script and kill it when the call of that number is done, before it learns of it.

    Returns whether there was such a call; a script that ends first must end well.
    """
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'include'}"}
    child = subprocess.Popen([sys.executable, str(script), *words], env=environment)
    done = 0

    def after(_action: str) -> None:
        nonlocal done
        done += 1
        if done == number:
            os.kill(child.pid, signal.SIGKILL)
            child.wait(timeout=10)

    front.after = after
    try:
        code = child.wait(timeout=60)
    finally:
        front.after = lambda _action: None
        if child.poll() is None:
            child.kill()
            child.wait()
    assert code in (0, -signal.SIGKILL), code
    return code != 0
