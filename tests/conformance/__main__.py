"""`make test-conformance`: build what is missing, then hold the sandbox and real servers to the same tests.

Exit status 69 says that a real cluster or broker cannot be had here, and why, in one line.
"""

from __future__ import annotations

import os
import signal
import sys

import pytest
from tests.conformance.kafka.programs import Unavailable, prepare
from tests.conformance.programs.build import COSTS, CannotBuild, programs
from tests.conformance.ran import Ran

UNAVAILABLE = 69
"""As sysexits.h calls it: a service that is needed is not there."""


def main(arguments: list[str]) -> int:
    """Build, test; return the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was started is ended
    try:
        if not os.environ.get("UPKEEP_TEST_KUBECONFIG"):
            print(f"control plane: {programs()}", flush=True)
        print(f"broker: {prepare()}", flush=True)
    except CannotBuild as e:
        print(f"test-conformance: {e}: {COSTS}", file=sys.stderr)
        return UNAVAILABLE
    except Unavailable as e:
        print(f"test-conformance: {e}", file=sys.stderr)
        return UNAVAILABLE
    return _test(arguments or ["tests/conformance"])


def _test(arguments: list[str]) -> int:
    os.environ["UPKEEP_CONFORMANCE"] = "1"
    ran = Ran()
    status = int(pytest.main(arguments, plugins=[ran]))
    if status == 0 and not ran.real:
        print("test-conformance: no test passed against a real server", file=sys.stderr)
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
