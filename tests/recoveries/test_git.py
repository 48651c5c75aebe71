"""Git bundles brought back: a bare repository, a new branch, the branch itself; damage, pushes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.servers.aws import Aws, aws

from upkeep.acts.plans import Plan, plan_from
from upkeep.backups.files.bundles import GitBundles
from upkeep.errors import ConfigurationError, DamagedBackup, PermanentError
from upkeep.recoveries.git import GitRecovery

pytestmark = pytest.mark.integration
BUCKET, NAME, LABEL = "git-backups", "configuration-1", "20261121t140500z-1a2b3c4d"
BESIDE, BEFORE = f"restored-{LABEL}", f"main-before-{LABEL}"


def bundles(s3: Any, remote: str) -> GitBundles:
    """Return the backups of a remote."""
    return GitBundles(s3, BUCKET, f"{Path(remote).name}/", remote)


def recovery(method: GitBundles, folder: Path | None, **more: Any) -> GitRecovery:
    """Return the recovery of the one bundle; into the remote without a folder, in place there."""
    copy = method.find(NAME)
    assert copy is not None
    values = {"title": "Configuration", "label": LABEL, "folder": folder, "in_place": folder is None}
    return GitRecovery(method=method, copy=copy, **values | more)


def git(folder: Path, *words: str) -> str:
    """Run git as somebody of the shop."""
    who = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
    for role in ("AUTHOR", "COMMITTER"):
        who |= {f"GIT_{role}_NAME": "shop", f"GIT_{role}_EMAIL": "shop@example.com"}
    done = subprocess.run(["git", *words], cwd=folder, env=who, capture_output=True, text=True, check=True)
    return done.stdout.strip()


class Remote:
    """A repository with two branches and a tag."""

    def __init__(self, folder: Path) -> None:
        self.path, self.work = folder / "shop.git", folder / "work"
        git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self.path))
        git(folder, "clone", "--quiet", str(self.path), str(self.work))
        git(self.work, "checkout", "--quiet", "-b", "main")
        self.first = self.commit("limit: 1")
        git(self.work, "tag", "v1")
        git(self.work, "push", "--quiet", "origin", "main", "main:other", "v1")

    def commit(self, text: str) -> str:
        """Commit a text; return the commit."""
        (self.work / "settings").write_text(text)
        git(self.work, "add", ".")
        git(self.work, "commit", "--quiet", "-m", text)
        return git(self.work, "rev-parse", "HEAD")

    def push(self, text: str) -> str:
        made = self.commit(text)
        git(self.work, "push", "--quiet", "origin", "main")
        return made

    def heads(self) -> dict[str, str]:
        """Return where each branch leads."""
        rows = git(self.path, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads")
        return dict(row.split(" ") for row in rows.splitlines())


@pytest.fixture(scope="module")
def cloud() -> Iterator[Aws]:
    with aws() as found:
        found.bucket(BUCKET)
        yield found


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    return Remote(tmp_path)


@pytest.fixture
def method(cloud: Aws, remote: Remote) -> Iterator[GitBundles]:
    made = bundles(cloud["s3"], str(remote.path))
    made.make(NAME)
    yield made
    made.delete(list(made.copies()))


def kept(plan: Plan) -> Plan:
    """Return a plan as a later stage reads it."""
    return plan_from(json.loads(json.dumps(plan.carried())))


def problems(one: Any, plan: Plan) -> list[str]:
    return [problem for proof in one.verify(plan) for problem in proof.problems]


def test_into_a_bare_repository_beside(method: GitBundles, remote: Remote, tmp_path: Path) -> None:
    remote.push("limit: 2")
    folder = tmp_path / "restored.git"
    one = recovery(method, folder)
    plan = kept(one.plan())
    assert (plan.destructive, folder.exists()) == (False, False)
    for _ in range(2):
        one.restore(plan)
        assert problems(one, plan) == []
    git(tmp_path, "clone", "--quiet", str(folder), "clone")
    assert (tmp_path / "clone" / "settings").read_text() == "limit: 1"
    assert git(folder, "for-each-ref", "--format=%(refname)").split() == [
        "refs/heads/main", "refs/heads/other", "refs/tags/v1",
    ]  # fmt: skip
    git(folder, "update-ref", "refs/heads/other", git(folder, "commit-tree", "-m", "x", "main^{tree}"))
    assert [problem.split(" ", 1)[1] for problem in problems(one, plan)] == [
        "refs/heads/other is missing or leads elsewhere", "refs/heads/other was not in the backup",
    ]  # fmt: skip
    assert one.clean_up(plan) == f"{folder} stays, as was asked"
    replace(one, keep=False).clean_up(plan)
    assert not folder.exists()


def test_a_new_branch_of_the_remote(method: GitBundles, remote: Remote) -> None:
    second = remote.push("limit: 2")
    one = recovery(method, None, in_place=False)
    plan = kept(one.plan())
    assert not plan.destructive
    assert problems(one, plan) == [f"{BESIDE} leads to None, not to {remote.first}"]
    one.restore(plan)
    assert (problems(one, plan), one.resume(plan)) == ([], None)
    assert remote.heads() == {"main": second, "other": remote.first, BESIDE: remote.first}
    one.clean_up(plan)
    assert BESIDE in remote.heads()
    for said in ("was removed", "was not there"):
        assert replace(one, keep=False).clean_up(plan) == f"{BESIDE} {said}"
    assert BESIDE not in remote.heads()


def test_in_the_place_of_the_branch_which_is_kept(method: GitBundles, remote: Remote) -> None:
    second = remote.push("limit: 2")
    one = recovery(method, None)
    plan = kept(one.plan())
    assert plan.destructive
    one.restore(plan)
    assert (problems(one, plan), remote.heads()["main"]) == ([], second)
    for _ in range(2):
        assert one.resume(plan) == f"main leads to {remote.first}; what it was is kept as {BEFORE}"
        one.clean_up(plan)
        assert problems(one, plan) == []
        assert remote.heads() == {"main": remote.first, "other": remote.first, BEFORE: second}
    assert one.plan(plan) is plan  # a repeat after its end
    with pytest.raises(PermanentError, match=r"main leads to .* already"):
        one.plan()


def test_a_branch_that_is_lost_comes_back(method: GitBundles, remote: Remote) -> None:
    git(remote.path, "update-ref", "-d", "refs/heads/main")
    one = recovery(method, None)
    plan = kept(one.plan())
    one.restore(plan)
    assert one.resume(plan) == f"main leads to {remote.first}"
    one.clean_up(plan)
    assert remote.heads() == {"main": remote.first, "other": remote.first}


def test_who_pushes_after_the_plan_loses_nothing(method: GitBundles, remote: Remote) -> None:
    remote.push("limit: 2")
    one = recovery(method, None)
    plan = kept(one.plan())
    one.restore(plan)
    third = remote.push("limit: 3")
    assert one.plan(plan).digest != plan.digest
    with pytest.raises(PermanentError, match=r"somebody has pushed; nothing was replaced"):
        one.resume(plan)
    assert remote.heads()["main"] == third


def test_damage_is_found_before_anything_is_pushed(
    method: GitBundles, remote: Remote, cloud: Aws, tmp_path: Path
) -> None:
    key = f"{method.prefix}{NAME}.bundle"
    body = bytearray(cloud["s3"].get_object(Bucket=BUCKET, Key=key)["Body"].read())
    body[-30] ^= 1
    cloud["s3"].put_object(Bucket=BUCKET, Key=key, Body=bytes(body))
    before = remote.heads()
    for folder in (None, tmp_path / "restored.git"):
        one = recovery(method, folder)
        if folder is None:
            remote.push("limit: 2")
            before = remote.heads()
        plan = kept(one.plan())
        with pytest.raises(DamagedBackup, match="its bytes were changed"):
            one.restore(plan)
        assert remote.heads() == before
        one.clean_up(plan)
        assert folder is None or not folder.exists()
    copy = method.find(NAME)
    assert copy is not None
    assert not method.check(copy)[-1].holds


def test_what_is_in_the_way(method: GitBundles, remote: Remote, tmp_path: Path) -> None:
    folder = tmp_path / "restored.git"
    folder.mkdir()
    (folder / "mine").write_text("mine")
    with pytest.raises(PermanentError, match=r"nothing was touched: .* has files of somebody else"):
        recovery(method, folder).plan()
    with pytest.raises(ConfigurationError, match="has no branch nothing; it has main, other"):
        recovery(replace(method, branch="nothing"), None).plan()
    second = remote.push("limit: 2")
    git(remote.path, "branch", BESIDE, second)
    with pytest.raises(PermanentError, match=f"nothing was touched: {BESIDE} is there and leads elsewhere"):
        recovery(method, None).plan()
    gone = recovery(method, None)
    method.delete([gone.copy])
    with pytest.raises(PermanentError, match=r"bundle is gone"):
        gone.plan()
