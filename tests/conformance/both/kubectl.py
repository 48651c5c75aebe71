"""kubectl as a program."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Kubectl:
    """kubectl in one namespace of a cluster. home: where it keeps its cache."""

    program: Path
    kubeconfig: Path
    namespace: str
    home: Path

    def __call__(self, *arguments: str, stdin: Any = None, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run it; stdin: a manifest. It must end with this status."""
        done = subprocess.run(
            [self.program, "--kubeconfig", self.kubeconfig, "--namespace", self.namespace, *arguments],
            input=json.dumps(stdin) if stdin is not None else None,
            env={"HOME": str(self.home), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stderr + done.stdout
        return done
