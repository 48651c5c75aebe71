"""Since when an alert has been firing, found by an index however many events there are."""

from datetime import timedelta

from sqlalchemy import Engine, event, text
from tests.servers.incidents import NOON, raise_, signal

from upkeep.ledger import alerts


def test_the_newest_start_of_an_alert_is_found_by_an_index(ledger: Engine) -> None:
    for hours, fingerprint in ((0, "f1"), (2, "f1"), (3, "f10"), (4, "f_")):
        at = NOON + timedelta(hours=hours)
        raise_(ledger, signal(f"alert/{fingerprint}/{at.isoformat()}", source="alertmanager"))
    [opened] = _column(ledger, "SELECT id FROM incidents")
    with ledger.begin() as connection:
        # As in a database that sorts as people do, where the primary key's index serves no prefix.
        collated = 'ALTER TABLE signals ALTER event_id TYPE text COLLATE "en-x-icu"'
        connection.execute(text(collated))
        connection.execute(
            text(
                "INSERT INTO signals (event_id, incident_id, source, at, facts)"
                " SELECT 'failure/shop_daily/' || n, :id, 'failure', now(), '{}'"
                " FROM generate_series(1, 50000) n"
            ),
            {"id": opened},
        )
        connection.execute(text("ANALYZE signals"))
    asked: list[tuple[str, object]] = []
    event.listen(
        ledger, "before_cursor_execute", lambda _c, _k, statement, given, *_: asked.append((statement, given))
    )

    assert alerts.newest_start(ledger, "shop", "f1") == NOON + timedelta(hours=2)
    assert alerts.newest_start(ledger, "shop", "f_") == NOON + timedelta(hours=4)
    assert alerts.newest_start(ledger, "shop", "f") is None

    statement, given = asked[0]
    with ledger.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN {statement}", given).scalars().all()
    assert "signals_event_id_prefix_idx" in "\n".join(plan), plan


def _column(ledger: Engine, query: str) -> list[object]:
    with ledger.connect() as connection:
        return list(connection.execute(text(query)).scalars())
