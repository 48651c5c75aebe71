"""What the pre-flight of a restore refuses, before anything is touched."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.backups.rds.conftest import look
from tests.servers.aws_front import quotas
from tests.servers.rds_stages import whole_provider

from upkeep.backups.rds import look_at_snapshot, tear_down
from upkeep.clients.answers import NotFoundError
from upkeep.errors import PermanentError, TemporaryError

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def nothing_is_touched(before):
    yield
    acted = [call for call in before.calls if call.startswith(("Restore", "Delete", "Modify"))]
    assert acted == []


def test_no_snapshot(rds, target, promise):
    with pytest.raises(NotFoundError, match="nowhere"):
        look_at_snapshot(rds, "nowhere", target, promise)


def test_a_snapshot_that_is_not_ready_not_encrypted_or_of_another(
    rds, snapshot, target, promise, snapshot_in_moto
):
    stored = snapshot_in_moto(snapshot.reference)
    stored.status, stored.encrypted, stored.dbi_resource_id = "creating", False, "db-OTHER"
    with pytest.raises(PermanentError) as told:
        look(rds, snapshot, target, promise)
    for said in ("is creating", "not encrypted", "wrong database", "nothing was touched"):
        assert said in str(told.value)


def test_an_identifier_that_is_taken_invalid_or_productions(cloud, rds, snapshot, target, promise):
    cloud.instance("taken")
    for wrong, said in (
        ("taken", "was not made by"),
        ("not--valid", "no identifier"),
        ("x" * 64, "no identifier"),
        (target.source.upper(), "production"),
        ("other-production", "production"),
    ):
        with pytest.raises(PermanentError, match=said):
            look(rds, snapshot, replace(target, identifier=wrong), promise)
    for act in (
        lambda: tear_down(rds, "taken", target.name, whole_provider(rds)),
        lambda: tear_down(rds, target.source, target.name, whole_provider(rds)),
    ):
        with pytest.raises(PermanentError, match="is not deleted"):
            act()


def test_a_quota_that_is_used_up(rds, before, snapshot, target, promise):
    before.answers["DescribeAccountAttributes"] = quotas(
        {"DBInstances": (40, 40), "AllocatedStorage": (901, 1000)}
    )
    with pytest.raises(PermanentError, match=r"DBInstances is 40.*AllocatedStorage is 1000"):
        look(rds, snapshot, target, promise)


def test_a_quota_that_may_not_be_read_is_a_note(rds, before, snapshot, target, promise):
    before.fails("DescribeAccountAttributes", 403, "AccessDenied")
    assert "did not show its quotas" in look(rds, snapshot, target, promise)["notes"][0]


def test_throttling_is_temporary(rds, before, snapshot, target, promise):
    before.fails("DescribeAccountAttributes", 400, "Throttling")
    with pytest.raises(TemporaryError):
        look(rds, snapshot, target, promise)


def test_groups_of_the_source_that_are_gone(rds, before, *, grouped, snapshot, target, promise):
    before.fails("DescribeDBSubnetGroups", 404, "DBSubnetGroupNotFoundFault")
    before.fails("DescribeDBParameterGroups", 404, "DBParameterGroupNotFound")
    with pytest.raises(PermanentError, match=r"subnet group .* is not there.*parameter group .* is not"):
        look(rds, snapshot, target, promise)
