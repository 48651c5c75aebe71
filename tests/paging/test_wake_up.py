"""What a wake-up has around it: each system and its senders are made once, and once only."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.airflow.shop import SHOP

from upkeep.operators.escalation import around


def test_a_wake_up_looks_each_system_up_once_and_the_next_one_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop.yaml").write_text(SHOP)
    monkeypatch.setenv("UPKEEP_SYSTEMS", str(tmp_path))
    monkeypatch.setenv("UPKEEP_CACHE", str(tmp_path / "cache"))
    world = around()

    assert world.system("shop") is world.system("shop")
    assert world.senders("shop") is world.senders("shop")

    (tmp_path / "shop.yaml").write_text(SHOP.replace("title: Shop", "title: Kiosk"))
    assert world.system("shop").title == "Shop"
    assert around().system("shop").title == "Kiosk"
