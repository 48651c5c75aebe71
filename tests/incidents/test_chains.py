"""Which chain serves which incident, for the shapes of all the guides, and that its copy is whole."""

import json

import pytest
from tests.servers.situation import make_system

from upkeep.catalog.compiled import Catalog
from upkeep.incidents import chains
from upkeep.incidents.chains import choose
from upkeep.incidents.model import ChainCopy

CATALOG = Catalog()


def owners(chain: ChainCopy) -> list[tuple[str, float]]:
    return [(level.owner, level.wait_seconds / 60) for level in chain.levels]


@pytest.mark.parametrize(
    ("system", "issue_type", "symptom", "levels"),
    [
        (
            "quikapp",
            "performance",
            None,
            [("oncall", 15), ("senior_engineer", 15), ("tech_lead", 30), ("executive", 60)],
        ),
        (
            "maintenance-api",
            "service_down",
            None,
            [("platform_team", 15), ("backend_team", 30), ("engineering_manager", 60)],
        ),
        (
            "zetra",
            "data_loss",
            None,
            [
                ("l1_team_lead", 0),
                ("l2_team_lead", 0),
                ("l3_team_lead", 0),
                ("engineering_manager", 60),
                ("cto", 60),
            ],
        ),
        (
            "zetra",
            "maintenance_late",
            None,
            [
                ("l1_team_lead", 30),
                ("l2_team_lead", 120),
                ("l3_team_lead", 240),
                ("engineering_manager", 60),
                ("cto", 60),
            ],
        ),
        ("lessay", "performance", "payment_failures", [("payment_team", 15), ("senior_engineer", 30)]),
        ("lessay", "authentication", None, [("auth_team", 15), ("senior_engineer", 30)]),
        ("tapio", "security", None, [("operations", 15), ("platform_lead", 30), ("management", 60)]),
    ],
)
def test_the_guides_chains(
    system: str, issue_type: str, symptom: str | None, levels: list[tuple[str, float]]
) -> None:
    assert owners(choose(CATALOG.system(system), issue_type, symptom, "P1")) == levels


def test_the_targets_are_those_of_the_severity() -> None:
    of = CATALOG.system("maintenance-api")

    assert [choose(of, "x", None, f"P{n}").response_seconds for n in range(4)] == [300, 900, 3_600, 86_400]
    assert choose(of, "x", None, "P0").resolution_seconds == 3_600


def test_a_severity_that_the_catalog_leaves_out_has_the_default_targets() -> None:
    escalation = make_system().escalation.model_dump() | {"severities": {}}

    chain = choose(make_system(escalation=escalation), "x", None, "P1")
    assert (chain.response_seconds, chain.resolution_seconds) == (900, 14_400)


@pytest.mark.parametrize("system", CATALOG.system_ids())
def test_a_copy_survives_the_ledger_with_the_people_in_it(system: str) -> None:
    chain = choose(CATALOG.system(system), "performance", None, "P0")

    assert chains.from_json(json.loads(json.dumps(chains.to_json(chain)))) == chain
    assert all(level.fallback for level in chain.levels)
