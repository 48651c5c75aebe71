"""What is written for Prometheus and Alertmanager is accepted by them; preparing again is quick."""

from __future__ import annotations

import subprocess
import time

import httpx
import pytest
from aiohttp import web
from ruamel.yaml import YAML

from sandbox.errors import PartMissing
from sandbox.programs import find
from sandbox.prometheus import (
    alertmanager_arguments,
    prepare,
    prepare_alertmanager,
    prometheus_arguments,
)
from sandbox.prometheus.state import load


def needs(program: str) -> str:
    try:
        return str(find(program))
    except PartMissing as absent:
        pytest.skip(str(absent))


@pytest.mark.integration
def test_promtool_accepts_the_configuration(tmp_path):
    promtool = needs("promtool")
    prepare(tmp_path, "http://127.0.0.1:9093", "http://127.0.0.1:9")
    command = [promtool, "check", "config", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
    written = YAML(typ="safe").load(tmp_path / "prometheus.yml")
    (manager,) = written["alerting"]["alertmanagers"]
    assert manager["static_configs"] == [{"targets": ["127.0.0.1:9093"]}]


@pytest.mark.integration
def test_preparing_again_begins_anew_and_is_quick(tmp_path):
    needs("promtool")
    prepare(tmp_path, None, "http://127.0.0.1:9")
    first = {block.name for block in (tmp_path / "data").iterdir()}
    load(tmp_path / "state.json").broken("zetra-disk", 1.0).save(tmp_path / "state.json")
    start = time.monotonic()
    prepare(tmp_path, None, "http://127.0.0.1:9")
    # Under a second on an idle machine.
    assert time.monotonic() - start < 8
    assert load(tmp_path / "state.json").active == {}
    again = {block.name for block in (tmp_path / "data").iterdir()}
    assert len(again) == len(first)
    assert "alerting" not in YAML(typ="safe").load(tmp_path / "prometheus.yml")


@pytest.mark.integration
def test_a_missing_program_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sandbox.programs.SYSTEM_FOLDERS", ())
    with pytest.raises(PartMissing, match="prometheus is not installed"):
        prometheus_arguments(tmp_path, 1)
    with pytest.raises(PartMissing, match="apt-get install prometheus-alertmanager"):
        alertmanager_arguments(tmp_path, 1)


@pytest.mark.integration
async def test_alertmanager_sends_an_alert_to_the_webhook(tmp_path, unused_tcp_port_factory):
    import asyncio

    needs("prometheus-alertmanager")
    received: asyncio.Queue[dict] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        await received.put(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/alerts", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    prepare_alertmanager(tmp_path, f"http://127.0.0.1:{runner.addresses[0][1]}/alerts")
    port = unused_tcp_port_factory()
    process = await asyncio.create_subprocess_exec(*alertmanager_arguments(tmp_path, port), cwd=tmp_path)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await _ready(client)
            alert = {"labels": {"alertname": "HighErrorRate", "system": "quikapp"}}
            (await client.post("/api/v2/alerts", json=[alert])).raise_for_status()
        message = await asyncio.wait_for(received.get(), 20)
        assert message["groupLabels"] == {"alertname": "HighErrorRate", "system": "quikapp"}
        assert message["status"] == "firing"
    finally:
        process.terminate()
        await process.wait()
        await runner.cleanup()


async def _ready(client: httpx.AsyncClient) -> None:
    import asyncio

    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            if (await client.get("/-/ready")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.2)
    raise AssertionError("Alertmanager did not start")
