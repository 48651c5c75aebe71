"""What the drill holds against the pages that were received."""

from datetime import UTC, datetime

from sandbox.drills.capture import Receipt, under_two_keys


def page(page_id: str, dedup_key: str = "key", level: int = 0) -> Receipt:
    return Receipt(datetime(2026, 1, 1, tzinfo=UTC), "page", "incident", page_id, dedup_key, level, "Title")


def test_the_same_page_twice_is_no_fault() -> None:
    assert under_two_keys([page("one"), page("one"), page("two", level=1)]) == []


def test_a_level_paged_under_two_ids_or_two_keys_is_one() -> None:
    [ids] = under_two_keys([page("one"), page("two")])
    [keys] = under_two_keys([page("one"), page("one", "other key")])

    assert "one" in ids
    assert "two" in ids
    assert "other key" in keys
