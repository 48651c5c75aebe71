from __future__ import annotations

import socket
from pathlib import Path

import pytest

from sandbox.errors import PartFailed
from sandbox.estate import Endpoint, Estate, PartState
from sandbox.ports import answers, choose_port, free_port, is_free


def test_a_wanted_port_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = free_port()
    monkeypatch.setenv("UPKEEP_PORT_MYSQL_QUIKAPP", str(wanted))
    assert choose_port(tmp_path, "mysql-quikapp") == wanted


def test_a_busy_port_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("UPKEEP_PORT_REDIS", str(port))
        assert not is_free(port)
        assert answers(port)
        with pytest.raises(PartFailed, match=rf"port {port} \(UPKEEP_PORT_REDIS\) is taken"):
            choose_port(tmp_path, "redis")


@pytest.mark.parametrize("wrong", ["x", "0", "70000", "-1"])
def test_a_port_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("UPKEEP_PORT_REDIS", wrong)
    with pytest.raises(PartFailed, match="give a port number"):
        choose_port(tmp_path, "redis")


def test_the_port_of_last_time_is_used_again_unless_it_is_taken(tmp_path: Path) -> None:
    last = free_port()
    part = Endpoint(name="redis", state=PartState.STOPPED, port=last)
    Estate(folder=tmp_path, state=PartState.STOPPED, parts={"redis": part}).save()
    assert choose_port(tmp_path, "redis") == last
    with socket.create_server(("127.0.0.1", last)):
        assert choose_port(tmp_path, "redis") != last


def test_an_estate_file_that_cannot_be_read_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "estate.json").write_text("{}")
    assert is_free(choose_port(tmp_path, "redis"))
