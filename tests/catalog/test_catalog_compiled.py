"""The compiled catalog: fast when warm, right whatever happens to its files, one system apart from another."""

# ruff: noqa: E501  texts are compared whole

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from upkeep.catalog import compiled, compiling
from upkeep.catalog.compiled import Catalog
from upkeep.catalog.problems import CatalogError
from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from conftest import Folder

TITLE = ("title: Morning review", "title: Other review")
BROKEN = ("cadence: daily", "cadence: hourly")
WARM = """
import sys
from pathlib import Path
from upkeep.catalog.compiled import Catalog
catalog = Catalog(Path(sys.argv[1]), Path(sys.argv[2]))
plans = list(catalog.plans(cadence="daily"))
slow = {"pydantic", "ruamel.yaml", "jinja2", "croniter", "upkeep.checks", "upkeep.catalog.models", "airflow"}
print(len(plans), sorted(slow & set(sys.modules)))
"""


def titles(catalog: Catalog) -> dict[str, str]:
    return {plan.dag_id: plan.title for plan in catalog.plans()}


def compiles(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows with the name of every file that is compiled."""
    seen: list[str] = []
    original = compiling.compile_content

    def counted(path: Path, content: bytes, code: str) -> object:
        seen.append(path.name)
        return original(path, content, code)

    monkeypatch.setattr(compiling, "compile_content", counted)
    return seen


def cached(folder: Folder, pattern: str = "*.json") -> list[Path]:
    return sorted(folder.cache.glob(f"*/{pattern}"))


def test_what_is_compiled_reads_back_the_same(folder: Folder) -> None:
    folder.add("shop")
    folder.add("bank")
    first, second = folder.catalog(), folder.catalog()
    assert list(first.plans()) == list(second.plans())
    assert first.system_ids() == second.system_ids() == ["bank", "shop"]
    assert first.system("shop") == second.system("shop")
    assert first.problems() == second.problems()


def test_a_file_is_compiled_once_until_it_changes(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = compiles(monkeypatch)
    folder.add("shop")
    folder.add("bank")
    for _ in range(3):
        list(folder.catalog().plans())
    assert seen == ["bank.yaml", "shop.yaml"]
    folder.add("shop", TITLE)
    assert titles(folder.catalog())["shop_daily_review"] == "Shop: Other review"
    assert seen == ["bank.yaml", "shop.yaml", "shop.yaml"]


def test_newer_code_compiles_anew(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.add("shop")
    list(folder.catalog().plans())
    seen = compiles(monkeypatch)
    monkeypatch.setattr(compiled, "_CODE", "newer")
    list(folder.catalog().plans())
    list(folder.catalog().plans())
    assert seen == ["shop.yaml"]


def test_one_dag_reads_the_file_of_its_system_alone(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = compiles(monkeypatch)
    folder.add("shop")
    folder.add("bank", BROKEN)
    assert [plan.dag_id for plan in folder.catalog().plans(dag_id="shop_daily_review")] == [
        "shop_daily_review"
    ]
    assert seen == ["shop.yaml"]


@pytest.mark.parametrize(
    "dag_id", ["shop_weekly", "none_daily", "escalation", "", "../shop_daily_review", "x" * 250]
)
def test_a_dag_that_is_no_routine_has_no_plan(folder: Folder, dag_id: str) -> None:
    folder.add("shop")
    assert list(folder.catalog().plans(dag_id=dag_id)) == []


def test_plans_of_one_cadence(folder: Folder) -> None:
    folder.add("shop")
    folder.add("bank", ("cadence: daily", "cadence: weekly"), ('"0 9 * * *"', '"0 9 * * 1"'))
    catalog = folder.catalog()
    assert [plan.system for plan in catalog.plans(cadence="daily")] == ["shop"]
    assert [plan.system for plan in catalog.plans(cadence="weekly")] == ["bank"]
    assert list(catalog.plans(cadence="daily", dag_id="bank_daily_review")) == []


def test_of_a_broken_file_the_last_good_version_stays_in_force(folder: Folder) -> None:
    folder.add("bank")
    folder.add("shop", TITLE)
    before = titles(folder.catalog())
    folder.add("shop", BROKEN)
    for catalog in (folder.catalog(), folder.catalog()):
        assert titles(catalog) == before
        assert [plan.title for plan in catalog.plans(dag_id="shop_daily_review")] == ["Shop: Other review"]
        assert catalog.system("shop").routines[0].title == "Other review"
        with pytest.raises(
            CatalogError, match=r"shop.yaml:83:14: routines\[0\].cadence: 'hourly' is not allowed"
        ):
            catalog.raise_problems()
    folder.add("shop")
    assert titles(folder.catalog())["shop_daily_review"] == "Shop: Morning review"
    folder.catalog().raise_problems()


@pytest.mark.parametrize("content", [b"", b"a: [", b"\xff", b"title: x\n", None])
def test_however_a_file_breaks_the_others_load(folder: Folder, content: bytes | None) -> None:
    folder.add("bank")
    path = folder.add("shop")
    before = titles(folder.catalog())
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    assert titles(folder.catalog()) == before
    assert str(folder.catalog().problems()[-1]).startswith(f"{path}:1:")


def test_a_file_that_was_never_good_is_reported_and_the_others_load(folder: Folder) -> None:
    folder.add("bank")
    folder.add("shop", BROKEN)
    catalog = folder.catalog()
    assert catalog.system_ids() == ["bank"]
    with pytest.raises(CatalogError, match=r"shop\.yaml:83:14"):
        catalog.system("shop")


def test_a_file_that_is_gone_takes_its_system_along(folder: Folder) -> None:
    path = folder.add("shop")
    assert folder.catalog().system_ids() == ["shop"]
    path.unlink()
    assert folder.catalog().system_ids() == []


def test_of_two_systems_of_one_name_the_last_good_one_stays_in_force(folder: Folder) -> None:
    folder.add("bank")
    folder.add("shop")
    before = titles(folder.catalog())
    folder.add("shop", TITLE, suffix=".yml")
    assert titles(folder.catalog()) == before
    with pytest.raises(CatalogError, match=r"two systems of one name: shop\.yml would be the same system"):
        folder.catalog().raise_problems()


def test_a_name_in_capitals_does_not_disturb_the_system_of_that_name(folder: Folder) -> None:
    path = folder.add("shop")
    path.with_name("Shop.yaml").write_text(path.read_text())
    catalog = folder.catalog()
    assert catalog.system_ids() == ["shop"]
    assert [plan.system for plan in catalog.plans(dag_id="shop_daily_review")] == ["shop"]
    assert any("'Shop.yaml' gives no system id" in str(problem) for problem in catalog.problems())


def test_after_an_upgrade_the_last_good_version_is_compiled_by_the_new_code(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.add("shop", TITLE)
    list(folder.catalog().plans())
    folder.add("shop", BROKEN)
    monkeypatch.setattr(compiled, "_CODE", "newer")
    assert titles(folder.catalog()) == {"shop_daily_review": "Shop: Other review"}
    seen = compiles(monkeypatch)
    assert titles(folder.catalog()) == {"shop_daily_review": "Shop: Other review"}
    assert seen == []


def test_what_newer_code_refuses_stays_in_force_too(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.add("shop")
    before = titles(folder.catalog())
    monkeypatch.setattr(compiled, "_CODE", "newer")
    monkeypatch.setattr("upkeep.catalog.uses.LONGEST_DAG_ID", 3)
    for _ in range(2):
        assert titles(folder.catalog()) == before
        with pytest.raises(CatalogError, match="the DAG's id would have"):
            folder.catalog().raise_problems()


def test_a_fault_of_our_own_takes_down_one_system_only_and_is_not_kept(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder.add("bank")
    folder.add("shop")
    original = compiling.plan_routines
    with monkeypatch.context() as patch:
        patch.setattr(
            compiling,
            "plan_routines",
            lambda name, system: 1 / 0 if name == "shop" else original(name, system),
        )
        assert folder.catalog().system_ids() == ["bank"]
        (problem,) = [problem for problem in folder.catalog().problems() if problem.level == "error"]
        assert "Upkeep itself fails on this file: ZeroDivisionError" in str(problem)
        assert "shop.yaml cannot be compiled" in caplog.text
    assert folder.catalog().system_ids() == ["bank", "shop"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-10],
        lambda content: content.replace(b"daily", b"weekl"),
        lambda content: b"not a checksum\n{}",
        lambda content: os.urandom(200),
    ],
)
def test_a_damaged_cache_is_made_anew(folder: Folder, damage: object) -> None:
    folder.add("shop")
    before = list(folder.catalog().plans())
    (file,) = cached(folder)
    file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]
    assert list(folder.catalog().plans()) == before
    assert file.read_bytes().partition(b"\n")[2].startswith(b"{")


def test_a_cache_of_another_shape_is_made_anew(folder: Folder) -> None:
    import hashlib

    folder.add("shop")
    before = list(folder.catalog().plans())
    (file,) = cached(folder)
    kept = json.loads(file.read_bytes().partition(b"\n")[2])
    del kept["plans"][0]["pool"]
    body = json.dumps(kept).encode()
    file.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    assert list(folder.catalog().plans()) == before


@pytest.mark.parametrize("blocked", ["file", "null"])
def test_a_cache_that_cannot_be_written_costs_nothing_but_time(
    folder: Folder, blocked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.cache = Path("/dev/null/cache") if blocked == "null" else folder.path.parent / "taken"
    if blocked == "file":
        folder.cache.write_text("a file where the folder should be")
    folder.add("shop")
    folder.add("bank", BROKEN)
    seen = compiles(monkeypatch)
    catalog = folder.catalog()
    for _ in range(2):
        assert titles(catalog) == {"shop_daily_review": "Shop: Morning review"}
        assert catalog.problems()
    assert sorted(seen) == ["bank.yaml", "shop.yaml"]
    folder.add("shop", BROKEN)
    assert titles(catalog) == {"shop_daily_review": "Shop: Morning review"}


def test_two_catalogs_share_a_cache_without_mixing(folder: Folder, tmp_path: Path) -> None:
    folder.add("shop")
    other = tmp_path / "other"
    other.mkdir()
    (other / "shop.yaml").write_text((folder.path / "shop.yaml").read_text().replace(*TITLE))
    for _ in range(2):
        assert titles(folder.catalog()) == {"shop_daily_review": "Shop: Morning review"}
        assert titles(Catalog(other, folder.cache)) == {"shop_daily_review": "Shop: Other review"}


READER = """
import sys
from pathlib import Path
from upkeep.catalog.compiled import Catalog
for _ in range(int(sys.argv[3])):
    titles = {plan.title for plan in Catalog(Path(sys.argv[1]), Path(sys.argv[2])).plans()}
    assert len(titles) == 4, titles
"""


def _reader(folder: Folder, times: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", READER, str(folder.path), str(folder.cache), str(times)]
    return subprocess.Popen(command, stderr=subprocess.PIPE)


def _four(folder: Folder) -> None:
    for number in range(4):
        folder.add(f"shop-{number}")


def test_several_processes_read_and_write_at_once(folder: Folder) -> None:
    _four(folder)
    readers = [_reader(folder, 40) for _ in range(3)]
    while any(reader.poll() is None for reader in readers):
        for file in cached(folder):
            file.write_bytes(b"damaged")  # so that all of them keep writing
        time.sleep(0.02)
    for reader in readers:
        assert (reader.communicate()[1], reader.returncode) == (b"", 0)


def test_a_writer_that_is_killed_leaves_nothing_half_done(folder: Folder) -> None:
    _four(folder)
    for delay in (0.3, 0.35, 0.4, 0.45):
        writer = _reader(folder, 1000)
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        assert len(titles(folder.catalog())) == 4
        for file in cached(folder):
            file.unlink()


def test_what_killed_writers_left_is_removed_in_time(folder: Folder) -> None:
    folder.add("shop")
    list(folder.catalog().plans())
    (file,) = cached(folder)
    old, new = file.with_name(".old.tmp"), file.with_name(".new.tmp")
    for leftover in (old, new):
        leftover.write_text("half")
    os.utime(old, (1, 1))
    folder.add("shop", TITLE)
    list(folder.catalog().plans())
    assert not old.exists()
    assert new.exists()  # its writer may be at work


def test_the_cache_is_for_its_owner_alone(folder: Folder) -> None:
    folder.add("shop")
    list(folder.catalog().plans())
    (file,) = cached(folder)
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0


def test_an_unknown_system_is_refused_with_the_known_ones(folder: Folder) -> None:
    folder.add("shop")
    folder.add("bank")
    for unknown in ("none", "../shop", "Shop"):
        with pytest.raises(ConfigurationError, match=r"no system .* there are bank, shop"):
            folder.catalog().system(unknown)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="set UPKEEP_SYSTEMS to the folder"):
        list(Catalog(tmp_path / "none", tmp_path).plans())


def test_folders_come_from_the_environment(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.add("shop")
    monkeypatch.setenv("UPKEEP_SYSTEMS", str(folder.path))
    monkeypatch.setenv("UPKEEP_CACHE", str(folder.cache))
    assert Catalog().system_ids() == ["shop"]
    assert cached(folder)
    monkeypatch.delenv("UPKEEP_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder.path.parent / "xdg"))
    assert Catalog().system_ids() == ["shop"]
    assert list((folder.path.parent / "xdg" / "upkeep" / "catalog").iterdir())


def test_a_warm_catalog_of_a_thousand_systems_is_read_without_the_models(folder: Folder) -> None:
    number = 1000
    source = folder.add("s0")
    list(folder.catalog().plans())
    (kept,) = cached(folder)
    content, text = kept.read_bytes(), source.read_text()
    # The same file under a thousand names: compiling each would take the time that is not measured here.
    for index in range(1, number):
        (folder.path / f"s{index}.yaml").write_text(text)
        kept.with_name(f"s{index}.good.json").write_bytes(content)
    command = [sys.executable, "-c", WARM, str(folder.path), str(folder.cache)]
    plans, imported = subprocess.check_output(command, text=True).split(" ", 1)
    assert (plans, imported.strip()) == (str(number), "[]")
