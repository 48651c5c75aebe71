"""What was wrong turns right: the incident resolves itself when nothing of it is left, and says so."""

from sqlalchemy import Engine
from tests.servers.incidents import after, by, raise_, signal, wake

from upkeep.ledger import answers, incident_reads, recovery

FINDING = signal(
    "finding/1",
    source="finding",
    wrong=("check/shop_daily/errors", "check/shop_daily/restarts{pod=a}"),
    about=("shop/metric/errors",),
)
ALERT = signal(
    "alert/1", fold_key="shop/alert/HighErrors", about=("shop/metric/errors",), wrong=("alert/f1",)
)


def run(
    ledger: Engine, minutes: float, *ok: str, complete: bool = True, wrong: tuple[str, ...] = ()
) -> list[object]:
    return list(
        recovery.resolve_recovered(
            ledger,
            "shop",
            "shop_daily",
            ok_checks=ok,
            still_wrong=wrong,
            complete=complete,
            now=after(minutes),
        )
    )


def test_an_ok_run_resolves_the_incident_of_its_findings_and_failure(ledger: Engine) -> None:
    id_ = raise_(ledger, FINDING).incident_id
    raise_(ledger, signal(), at=1)
    wake(ledger, 1)

    assert run(ledger, 60, "errors") == [id_]
    assert wake(ledger, 60) == [("resolved", "l1")]
    row = incident_reads.incident(ledger, id_)
    assert row is not None
    assert (row.resolved_by, row.resolved_at) == ("upkeep", after(60))


def test_one_check_that_is_still_critical_keeps_it_open(ledger: Engine) -> None:
    id_ = raise_(ledger, FINDING).incident_id

    assert run(ledger, 60, "restarts{pod=a}", complete=False, wrong=("errors",)) == []
    assert run(ledger, 61, complete=True, wrong=("errors",)) == []
    assert run(ledger, 62, "errors", complete=False) == [id_]


def test_a_run_of_some_procedures_says_nothing_of_the_others(ledger: Engine) -> None:
    raise_(ledger, FINDING)
    raise_(ledger, signal(), at=1)

    assert run(ledger, 60, "errors", complete=False) == []
    assert incident_reads.open_count(ledger) == 1


def test_a_run_of_another_routine_says_nothing(ledger: Engine) -> None:
    raise_(ledger)

    other = recovery.resolve_recovered(
        ledger, "shop", "shop_weekly", ok_checks=["errors"], complete=True, now=after(5)
    )
    assert other == []


def test_an_alert_that_folded_in_must_end_too(ledger: Engine) -> None:
    id_ = raise_(ledger, FINDING).incident_id
    raise_(ledger, ALERT, at=1)

    assert run(ledger, 60, "errors") == []
    assert recovery.resolve_alert(ledger, "shop", "f1", after(61)) == [id_]
    assert recovery.resolve_alert(ledger, "shop", "f1", after(62)) == []


def test_what_a_person_raised_only_a_person_resolves(ledger: Engine) -> None:
    raise_(ledger, signal("person/1", source="person", wrong=("person",)))
    raise_(ledger, signal(), at=1)

    assert run(ledger, 60) == []
    assert incident_reads.open_count(ledger) == 1


def test_what_a_person_resolved_before_is_left_alone(ledger: Engine) -> None:
    id_ = raise_(ledger, FINDING).incident_id
    answers.resolve(ledger, id_, by("ada", 5))

    assert run(ledger, 60, "errors") == []
