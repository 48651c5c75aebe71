from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from sandbox import paths
from sandbox.errors import SandboxError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as another user")


def test_the_environment_says_where(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPKEEP_STATE", str(state / "here"))
    assert paths.state_folder() == state / "here"
    assert paths.sandbox_folder() == (state / "here" / "sandbox").resolve()


def test_without_it_the_checkout_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UPKEEP_STATE", raising=False)
    monkeypatch.setattr(paths.Path, "mkdir", lambda *_, **__: None)
    assert paths.state_folder() == Path(__file__).resolve().parents[2] / ".upkeep"


@as_root
def test_below_a_private_folder_it_is_a_link(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    public, private = state / "public", state / "private"
    for folder in (public, private):
        folder.mkdir()
    public.chmod(0o711)
    private.chmod(0o700)
    monkeypatch.setattr(paths, "PUBLIC_PARENT", public)
    found = paths.sandbox_folder(private)
    assert (private / "sandbox").is_symlink()
    assert found.parent == public.resolve()
    assert found.stat().st_mode & 0o777 == 0o711
    assert paths.sandbox_folder(private) == found


@as_root
def test_somebody_elses_folder_in_the_public_place_is_refused(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = state / "private"
    private.mkdir(mode=0o700)
    monkeypatch.setattr(paths, "PUBLIC_PARENT", state)
    target = paths.sandbox_folder(private)
    (private / "sandbox").unlink()
    os.chown(target, 65534, 65534)
    with pytest.raises(SandboxError, match="belongs to somebody else"):
        paths.sandbox_folder(private)
    shutil.rmtree(target)


def test_a_private_folder_is_for_the_service_account_alone(state: Path) -> None:
    folder = paths.private_folder(state / "data")
    assert folder.stat().st_mode & 0o777 == 0o700
    account = paths.service_account()
    assert folder.stat().st_uid == (account.pw_uid if account else os.geteuid())
