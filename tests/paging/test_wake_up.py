"""What a wake-up has around it, and who is told with the ledger down."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.airflow.shop import SHOP
from tests.paging.conftest import Connect, Outside
from tests.servers.incidents import signal

from upkeep.errors import TemporaryError
from upkeep.operators.escalation import around, raise_signals
from upkeep.operators.ledger import ledger_engine


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the catalog's only system."""
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP)
    monkeypatch.setenv("UPKEEP_SYSTEMS", str(tmp_path))
    monkeypatch.setenv("UPKEEP_CACHE", str(tmp_path / "cache"))
    return file


@pytest.fixture
def no_ledger(connect: Connect) -> Iterator[None]:
    """A connection to a ledger at whose port nobody listens."""
    with socket.socket() as bound:  # and nobody else can begin to
        bound.bind(("127.0.0.1", 0))
        host, port = bound.getsockname()
        connect("upkeep_ledger", {"conn_type": "postgres", "host": host, "port": port, "schema": "upkeep"})
        ledger_engine.cache_clear()
        yield
        ledger_engine.cache_clear()


def test_a_wake_up_looks_each_system_up_once_and_the_next_one_anew(shop: Path) -> None:
    world = around()

    assert world.system("shop") is world.system("shop")
    assert world.senders("shop") is world.senders("shop")

    shop.write_text(SHOP.replace("title: Shop", "title: Kiosk"))
    assert world.system("shop").title == "Shop"
    assert around().system("shop").title == "Kiosk"


@pytest.mark.integration
@pytest.mark.usefixtures("shop", "no_ledger")
def test_with_the_ledger_down_somebody_is_paged_all_the_same(connected: Outside) -> None:
    connected.behave("slack", status=404)

    raise_signals(signal())

    assert [one["to"] for one in connected.mail()] == [["lead@example.com"]]


@pytest.mark.integration
@pytest.mark.usefixtures("shop", "no_ledger")
def test_with_the_ledger_down_a_page_that_no_channel_takes_fails_once_all_had_their_turn(
    connected: Outside,
) -> None:
    connected.behave("slack", status=404)
    connected.behave_mail(code=550)

    with pytest.raises(TemporaryError) as raised:
        raise_signals(signal(), signal(event="failure/shop_daily/2", title="shop_daily failed again"))

    said = str(raised.value)
    for title in ("shop_daily failed", "shop_daily failed again"):
        assert f"nobody was paged for '{title}' of shop" in said
    assert said.count("slack: ") == said.count("email: ") == 2
    assert "Look at the database of the connection 'upkeep_ledger'" in said
