"""Which snapshots fill the claims of a namespace that is recreated."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.servers.situation import ClientsOf

from upkeep.acts.kinds.namespaces import EMPTY, NamespaceParameters, drill, whole
from upkeep.acts.model import Act
from upkeep.backups.model import Copy, Level, Proof
from upkeep.checks.registry import kind
from upkeep.errors import ConfigurationError
from upkeep.ledger.backups import backup_id, record_backup, record_proofs

pytestmark = pytest.mark.integration

FIRST = datetime(2026, 11, 1, 4, tzinfo=UTC)
WEEK = timedelta(days=7)
PARAMETERS = NamespaceParameters(policy="export", volumes="volumes")


def policy(method: str, source: str) -> dict[str, Any]:
    place = {"kind": "s3_objects", "connection": "shop_aws", "bucket": "shop-backups"}
    return {
        "title": source, "what": source, "method": method, "source": {"kind": source}, "location": place,
        "encryption": "none",
    }  # fmt: skip


POLICIES = {
    "export": policy("kubernetes_export", "namespace"),
    "volumes": policy("volume_snapshot", "volumes"),
}


@pytest.fixture
def run(ledger: Engine, act: Callable[..., Act]) -> Callable[..., Act]:
    """A run; there are three weekly snapshots, the last without a proof, and an export after the second."""

    def record(of: str, name: str, at: datetime, level: Level | None) -> None:
        facts = {"namespace": "shop", "claims": {}}
        record_backup(ledger, "shop", of, Copy(name, name, at, at, 1, facts=facts), ("backup", name))
        if level:
            record_proofs(ledger, backup_id("shop", of, name), [Proof(level, at)], ("backup", name))

    for number, level in enumerate((Level.COMPLETE, Level.COMPLETE, None), start=1):
        record("volumes", f"volumes-{number}", FIRST + number * WEEK, level)
    record("export", "export-1", FIRST + 2 * WEEK, Level.CHECKSUMS)
    record("export", "export-0", FIRST, Level.CHECKSUMS)
    none = SimpleNamespace(api=None)
    clients = ClientsOf(
        kubernetes=none, aws={"s3": None}, backup_key=SimpleNamespace(opening=lambda: "identity")
    )
    return lambda **given: act(parts={"backups": POLICIES}, clients=clients, **given)


def chosen(act: Act, parameters: NamespaceParameters = PARAMETERS) -> str | None:
    volumes = whole(act, parameters).volumes
    return volumes.name if volumes else None


def test_the_newest_proven_snapshot_up_to_the_export(run: Callable[..., Act]) -> None:
    assert chosen(run()) == "volumes-2"
    assert chosen(run(form={"backup": "export-0"})) is None
    assert chosen(run(form={"claims": EMPTY})) is None
    assert chosen(run(), NamespaceParameters(policy="export")) is None


def test_what_was_planned_stays(run: Callable[..., Act]) -> None:
    for planned in ("volumes-1", None):
        facts = {"backup": "export-1", "volumes": planned}
        assert chosen(run(carried={"plan": {"facts": facts}})) == planned


def test_a_drill_acts_on_no_data(run: Callable[..., Act]) -> None:
    assert drill(run(), PARAMETERS).volumes is None


def test_a_policy_of_something_else_is_refused(run: Callable[..., Act]) -> None:
    with pytest.raises(ConfigurationError, match="'export' is no policy of Shop for volumes"):
        whole(run(), NamespaceParameters(policy="export", volumes="export"))


def test_the_form_asks_only_where_there_is_a_choice() -> None:
    found = kind("restore_namespace").act
    assert found is not None
    for volumes, asked in (("volumes", True), (None, False)):
        fields = found.fields(None, NamespaceParameters(policy="export", volumes=volumes))  # type: ignore[arg-type]
        assert ("claims" in [field.name for field in fields]) is asked
