"""Configuration in Git: one commit an export, secrets sealed, the log as proof."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tests.backups.kubernetes import shop
from tests.backups.kubernetes.conftest import World
from tests.backups.kubernetes.git_server import git_server
from tests.servers.bad import hanging, refusing

from upkeep.backups.kubernetes.git import GitConfiguration
from upkeep.backups.kubernetes.repository import GitLogin, RejectedPush, Repository
from upkeep.backups.kubernetes.sealing import unseal
from upkeep.backups.model import Level
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError

PASSWORD = "a-git-password-of-ours"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """An empty bare repository."""
    folder = tmp_path / "served" / "config.git"
    git(tmp_path, "init", "--quiet", "--bare", str(folder))
    git(folder, "config", "http.receivepack", "true")
    git(folder, "config", "uploadpack.allowFilter", "true")
    return folder


@pytest.fixture
def method(world: World, ns: str, remote: Path) -> GitConfiguration:
    """The shop's configuration, to that repository."""
    return GitConfiguration(world.api, ns, str(remote), (world.keys.recipient,), timeout_seconds=30)


def git(folder: Path, *arguments: str) -> str:
    """Run git in a repository."""
    who = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@localhost"}
    who |= {"GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@localhost"}
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, check=True, env={**os.environ, **who}
    )
    return done.stdout.decode(errors="replace")


def show(remote: Path, namespace: str, path: str, commit: str = "main") -> bytes:
    """One file of a commit."""
    name = f"{commit}:kubernetes/{namespace}/{path}"
    return subprocess.run(["git", "-C", str(remote), "show", name], capture_output=True, check=True).stdout


def test_an_export_is_a_commit(world: World, ns: str, remote: Path, method: GitConfiguration) -> None:
    assert method.look()["commit"] is None
    copy = method.make("one")
    assert method.look()["commit"] == copy.facts["commit"] == git(remote, "rev-parse", "main").strip()
    assert git(remote, "log", "--format=%s", "main").splitlines() == [f"Configuration of {ns}: one"]
    assert b"db: db." in show(remote, ns, "configmaps/settings.yaml")
    index = json.loads(show(remote, ns, "index.json"))
    assert index["counts"]["deployments.apps"] == 1
    assert [(proof.level, proof.problems) for proof in method.check(copy)] == [
        (Level.EXISTS, ()),
        (Level.COMPLETE, ()),
        (Level.CHECKSUMS, ()),
    ]


def test_secrets_are_sealed_in_the_whole_history(
    world: World, ns: str, remote: Path, method: GitConfiguration
) -> None:
    method.make("one")
    for form in (shop.PASSWORD, shop.encoded(shop.PASSWORD)):
        assert form not in git(remote, "log", "-p", "--all")
    sealed = show(remote, ns, "secrets/login.yaml.age")
    opened = unseal(sealed, world.keys.identity, "test").decode()
    assert shop.encoded(shop.PASSWORD) in opened


def test_the_same_name_finds_its_commit(
    world: World, ns: str, remote: Path, method: GitConfiguration
) -> None:
    first = method.make("one")
    shop.create(world.api, ns, shop.make("v1", "ConfigMap", "later", data={"a": "b"}))
    method.make("two")
    assert method.make("one") == method.find("one") == first
    assert [copy.name for copy in method.copies()] == ["two", "one"]
    assert method.find("three") is None


def test_nothing_has_changed_and_the_log_proves_the_run(
    ns: str, remote: Path, method: GitConfiguration
) -> None:
    one, two = method.make("one"), method.make("two")
    assert one.facts["commit"] != two.facts["commit"]
    trees = {git(remote, "rev-parse", f"{copy.facts['commit']}^{{tree}}") for copy in (one, two)}
    assert len(trees) == 1


def test_what_is_gone_from_the_cluster_is_gone_from_the_newest_commit(
    world: World, ns: str, remote: Path, method: GitConfiguration
) -> None:
    one = method.make("one")
    world.api.send("DELETE", f"/api/v1/namespaces/{ns}/configmaps/settings")
    two = method.make("two")
    names = git(remote, "diff", "--name-status", one.facts["commit"], two.facts["commit"]).splitlines()
    assert f"D\tkubernetes/{ns}/configmaps/settings.yaml" in names


def test_somebody_pushes_at_the_same_time(
    ns: str, remote: Path, tmp_path: Path, method: GitConfiguration, monkeypatch: pytest.MonkeyPatch
) -> None:
    method.make("one")
    theirs = tmp_path / "theirs"
    git(tmp_path, "clone", "--quiet", "--branch", "main", str(remote), str(theirs))
    pushes: list[bool] = []
    push = Repository.push

    def race(self: Repository) -> None:
        if not pushes:
            (theirs / "README").write_text("theirs")
            git(theirs, "add", "README")
            git(theirs, "commit", "--quiet", "-m", "theirs")
            git(theirs, "push", "--quiet", "origin", "main")
        pushes.append(True)
        push(self)

    monkeypatch.setattr(Repository, "push", race)
    copy = method.make("two")
    assert len(pushes) == 2
    subjects = git(remote, "log", "--format=%s", "main").splitlines()
    assert subjects == [f"Configuration of {ns}: two", "theirs", f"Configuration of {ns}: one"]
    assert git(remote, "show", "main:README") == "theirs"
    assert all(proof.holds for proof in method.check(copy))


def test_others_are_always_faster(method: GitConfiguration, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: Repository) -> None:
        raise RejectedPush("rejected")

    monkeypatch.setattr(Repository, "push", never)
    with pytest.raises(TemporaryError, match="5 times"):
        method.make("one")


def test_commits_are_not_deleted(method: GitConfiguration) -> None:
    copy = method.make("one")
    assert copy.held
    method.delete([])
    with pytest.raises(PermanentError, match="not deleted: one"):
        method.delete([copy])


def test_a_file_that_was_changed_or_is_in_clear_is_named(
    world: World, ns: str, remote: Path, tmp_path: Path, method: GitConfiguration
) -> None:
    method.make("one")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--branch", "main", str(remote), str(clone))
    place = clone / "kubernetes" / ns
    (place / "configmaps" / "settings.yaml").write_text("kind: ConfigMap\n")
    (place / "secrets" / "login.yaml.age").write_text("kind: Secret\n")
    (place / "secrets" / "open.yaml").write_text("apiVersion: v1\nkind: Secret\n")
    (place / "services" / "db.yaml").unlink()
    git(clone, "add", "--all")
    message = git(clone, "log", "-1", "--format=%B").replace(": one", ": bad")
    git(clone, "commit", "--quiet", "-m", message)
    git(clone, "push", "--quiet", "origin", "main")
    bad = method.find("bad")
    assert bad is not None
    proofs = {proof.level: "; ".join(proof.problems) for proof in method.check(bad)}
    assert "secrets/login.yaml.age: a secret in clear" in proofs[Level.COMPLETE]
    assert "secrets/open.yaml: a secret in clear" in proofs[Level.COMPLETE]
    assert "services/db.yaml is missing" in proofs[Level.COMPLETE]
    assert "configmaps/settings.yaml: its bytes" in proofs[Level.CHECKSUMS]


def test_a_damaged_repository_is_found(ns: str, remote: Path, method: GitConfiguration) -> None:
    copy = method.make("one")
    commit = copy.facts["commit"]
    git(remote, "update-ref", "-d", "refs/heads/main")
    (only,) = method.check(copy)
    assert (only.level, only.problems) == (Level.EXISTS, ("no commit of one on main",))
    git(remote, "update-ref", "refs/heads/main", commit)
    assert len(method.check(copy)) == 3


def test_a_login_by_http(remote: Path, method: GitConfiguration, caplog: pytest.LogCaptureFixture) -> None:
    with git_server(remote.parent, "upkeep", PASSWORD) as url:
        over = replace(method, url=f"{url}/config.git", login=GitLogin("upkeep", PASSWORD))
        assert over.make("one").reference.startswith(f"{url}/config.git@")
        assert over.find("one") is not None
        wrong = replace(over, login=GitLogin("upkeep", "a-wrong-password"))
        with pytest.raises(ConfigurationError, match="login") as refusal:
            wrong.make("two")
        absent = replace(over, url=f"{url}/absent.git")
        with pytest.raises(ConfigurationError, match="address"):
            absent.make("two")
    assert "a-wrong-password" not in str(refusal.value) + repr(wrong)
    assert PASSWORD not in git(remote, "log", "-p", "--all") + caplog.text + repr(over)


def test_the_password_is_in_no_argument_and_no_file(
    remote: Path, tmp_path: Path, method: GitConfiguration
) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    repository = Repository(str(remote), "main", GitLogin("upkeep", PASSWORD), folder)
    for path in folder.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()
    assert repository.run("config", "--get", "remote.origin.url").strip() == str(remote)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:secret-word@example.com/x.git",
        "http://example.com/x.git",
        "--upload-pack=touch /tmp/x",
    ],
)
def test_an_address_that_is_refused(method: GitConfiguration, url: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        replace(method, url=url).make("one")
    assert "secret-word" not in str(refusal.value)


def test_a_remote_that_is_down_or_no_repository(method: GitConfiguration, tmp_path: Path) -> None:
    with refusing() as port, pytest.raises(TemporaryError, match="git ls-remote"):
        replace(method, url=f"http://127.0.0.1:{port}/x.git").make("one")
    with pytest.raises(ConfigurationError, match="address"):
        replace(method, url=str(tmp_path / "nothing")).make("one")
    assert list(tmp_path.glob("upkeep-git-*")) == []


def test_a_remote_that_is_mute(method: GitConfiguration) -> None:
    with hanging() as port, pytest.raises(TemporaryError, match="no end within 1 s"):
        replace(method, url=f"http://127.0.0.1:{port}/x.git", timeout_seconds=1).make("one")
