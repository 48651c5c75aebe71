"""One act of a git recovery, in a process that kills itself before its git command of a given number.

`python git_acts.py URL REMOTE FOLDER PLAN ACT NUMBER`; prints how many commands there were.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.backups.kubernetes.child import Steps
from tests.servers.child import child_client

from upkeep.acts.plans import Plan, plan_from
from upkeep.backups.files.bundles import GitBundles
from upkeep.backups.kubernetes.repository import Repository
from upkeep.recoveries.git import GitRecovery

BUCKET, NAME, LABEL = "git-backups", "configuration-1", "20261121t140500z-1a2b3c4d"


def bundles(s3: Any, remote: str) -> GitBundles:
    """Return the backups of a remote."""
    return GitBundles(s3, BUCKET, f"{Path(remote).name}/", remote)


def recovery(method: GitBundles, folder: Path | None, **more: Any) -> GitRecovery:
    """Return the recovery of the one bundle; into the remote without a folder, in place there."""
    copy = method.find(NAME)
    assert copy is not None
    values = {"title": "Configuration", "label": LABEL, "folder": folder, "in_place": folder is None}
    return GitRecovery(method=method, copy=copy, **values | more)


def do(one: GitRecovery, plan: Plan, act: str) -> None:
    """Do one act."""
    getattr(one, act)(plan)


if __name__ == "__main__":
    url, remote, folder, plan, act, number = sys.argv[1:]
    steps, run = Steps(int(number)), Repository.run

    def counted(self: Repository, *arguments: str, **more: Any) -> str:
        steps.step()
        return run(self, *arguments, **more)

    Repository.run = counted  # type: ignore[method-assign]
    one = recovery(bundles(child_client("s3", url), remote), Path(folder) if folder else None)
    do(one, plan_from(json.loads(plan)), act)
    print(steps.done)
