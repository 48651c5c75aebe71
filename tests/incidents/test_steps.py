"""Who is paged when: the shapes of chains in the operations guides, and what may happen on the way."""

from dataclasses import replace
from datetime import timedelta

from tests.incidents.chain import (
    RESOLUTION,
    START,
    acknowledged,
    at_levels,
    chain,
    go_through,
    level,
    minutes,
    opened,
    resolved,
)

from upkeep.incidents.steps import advance, page_again

THREE = chain(level("l1", 15), level("l2", 30), level("l3", 60), repeats=0, resolve_minutes=10_000)


def test_each_level_waits_from_when_it_was_paged() -> None:
    told, state = go_through(opened(THREE), 1_000)

    assert at_levels(told) == [(0, 0), (15, 1), (45, 2)]
    assert state.exhausted


def test_a_level_without_a_wait_pages_the_next_in_the_same_step() -> None:
    at_once = chain(level("l1", 0), level("l2", 0), level("l3", 20), level("boss"), repeats=0)

    step = advance(opened(at_once), START)

    assert [page.level for page in step.pages] == [0, 1, 2]
    assert step.next_step_at == minutes(20)


def test_levels_for_major_incidents_are_for_p0() -> None:
    with_boss = chain(level("l1"), level("boss", only_major=True), repeats=0, resolve_minutes=10_000)

    assert at_levels(go_through(opened(with_boss, "P1"), 500)[0]) == [(0, 0)]
    assert at_levels(go_through(opened(with_boss, "P0"), 500)[0]) == [(0, 0), (15, 1)]


def test_an_empty_level_costs_no_time() -> None:
    step = advance(opened(THREE), START, empty=[0, 1])

    assert ([page.level for page in step.pages], step.skipped) == ([2], (0, 1))


def test_nobody_at_all_is_looked_for_again_every_five_minutes() -> None:
    step = advance(opened(THREE), START, empty=[0, 1, 2])
    assert (step.pages, step.next_step_at, step.state.exhausted) == ((), minutes(5), False)

    later = advance(step.state, minutes(5), empty=[0, 2])
    assert [page.level for page in later.pages] == [1]


def test_an_acknowledgement_stops_what_ends_at_it() -> None:
    told, _ = go_through(opened(THREE), 1_000, events={20: acknowledged})

    assert at_levels(told) == [(0, 0), (15, 1)]


def test_an_acknowledgement_does_not_stop_what_ends_at_resolution() -> None:
    stubborn = chain(
        level("l1", 15, RESOLUTION), level("l2", 30), level("l3"), repeats=0, resolve_minutes=999
    )

    told, _ = go_through(opened(stubborn), 900, events={5: acknowledged})

    # l1 waits for the resolution, so l2 is paged; l2 ends at the acknowledgement that is there already.
    assert at_levels(told) == [(0, 0), (15, 1)]


def test_an_acknowledged_incident_does_not_start_over() -> None:
    stubborn = chain(level("l1", 15, RESOLUTION), repeats=3, resolve_minutes=999)

    told, state = go_through(opened(stubborn), 900, events={5: acknowledged})

    assert at_levels(told) == [(0, 0)]
    assert not state.exhausted


def test_a_resolution_stops_everything() -> None:
    stubborn = chain(level("l1", 15, RESOLUTION), level("l2", 30, RESOLUTION), repeats=3, resolve_minutes=10)

    told, state = go_through(opened(stubborn), 900, events={14: resolved})

    assert [one.at for one in told] == [0, 10]
    assert advance(state, minutes(900)).next_step_at is None


def test_the_chain_starts_over_as_often_as_it_repeats_then_is_exhausted() -> None:
    told, state = go_through(opened(chain(level("l1"), repeats=2, resolve_minutes=9_999)), 9_000)

    assert at_levels(told) == [(0, 0), (15, 0), (30, 0)]
    assert [one.due.round for one in told] == [0, 1, 2]
    assert state.exhausted


def test_a_chain_without_waits_does_not_page_all_its_rounds_at_once() -> None:
    told, _ = go_through(opened(chain(level("l1", 0), level("l2", 0), repeats=1, resolve_minutes=9_999)), 99)

    assert at_levels(told) == [(0, 0), (0, 1), (5, 0), (5, 1)]


def test_a_page_that_nobody_took_passes_to_the_next_level_at_once() -> None:
    told, _ = go_through(opened(THREE), 1_000, dead=[0])

    assert at_levels(told) == [(0, 0), (0, 1), (30, 2)]


def test_while_no_channel_works_the_rounds_do_not_count() -> None:
    state = opened(THREE)

    told, state = go_through(state, 61, dead=[0, 1, 2])

    assert [one.at for one in told] == sorted([0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60] * 3)
    assert (state.round, state.exhausted) == (0, False)
    assert len({one.due for one in told}) == len(told)


def test_what_is_not_resolved_in_time_pages_the_current_level_again() -> None:
    told, _ = go_through(
        opened(chain(level("l1"), repeats=0, resolve_minutes=60)), 190, events={5: acknowledged}
    )

    assert at_levels(told, "reminder") == [(60, 0), (120, 0), (180, 0)]


def test_reminders_are_half_an_hour_apart_however_short_the_target() -> None:
    told, _ = go_through(opened(chain(level("l1"), resolve_minutes=10)), 100, events={5: acknowledged})

    assert at_levels(told, "reminder") == [(10, 0), (40, 0), (70, 0), (100, 0)]


def test_a_page_of_the_chain_serves_as_the_reminder() -> None:
    told, _ = go_through(opened(chain(level("l1", 60), level("l2", 100), repeats=0, resolve_minutes=60)), 100)

    assert [(one.at, one.due.kind) for one in told] == [(0, "page"), (60, "page")]


def test_a_reminder_goes_to_the_nearest_level_before_an_empty_one() -> None:
    state = replace(opened(THREE, acknowledged=True), level=2, paged_at=START, heard=True)

    step = advance(state, minutes(10_000), empty=[2, 1])

    assert [(page.kind, page.level) for page in step.pages] == [("reminder", 0)]


def test_hand_over_pages_the_level_and_goes_on_from_there_even_after_an_acknowledgement() -> None:
    told, _ = go_through(
        opened(THREE), 1_000, events={5: acknowledged, 100: lambda state: page_again(state, 1)}
    )

    assert at_levels(told) == [(0, 0), (100, 1), (130, 2)]


def test_hand_over_reaches_a_level_for_major_incidents() -> None:
    with_boss = chain(level("l1"), level("boss", only_major=True), repeats=0)

    step = advance(page_again(opened(with_boss, "P2"), 1), START)

    assert [page.level for page in step.pages] == [1]


def test_hand_over_to_a_level_once_more_is_another_page() -> None:
    first = advance(page_again(opened(THREE), 1), START)
    again = advance(page_again(first.state, 1), START)

    assert first.pages[0] != again.pages[0]


def test_a_snooze_is_silent_and_its_end_pages_the_current_level_again() -> None:
    def snoozed(state):  # type: ignore[no-untyped-def]
        return replace(state, snoozed_until=minutes(200))

    told, state = go_through(opened(THREE), 214, events={5: acknowledged, 6: snoozed})

    assert at_levels(told) == [(0, 0), (200, 0)]
    assert (state.acknowledged, state.snoozed_until) == (False, None)


def test_a_maintenance_window_is_silent_but_not_for_p0() -> None:
    covered = opened(THREE, quiet_until=minutes(120))

    assert at_levels(go_through(covered, 130)[0]) == [(120, 0)]
    assert at_levels(go_through(replace(covered, severity="P0"), 10)[0]) == [(0, 0)]


def test_a_clock_put_back_pages_nobody_twice_and_stalls_nothing() -> None:
    ahead = advance(opened(THREE), START + timedelta(days=365))

    back = advance(ahead.state, minutes(1))

    assert back.pages == ()
    assert back.next_step_at == minutes(16)
    assert [page.level for page in advance(back.state, minutes(16)).pages] == [1]


def test_a_clock_that_leaps_ahead_pages_each_level_at_its_wait_after_the_last() -> None:
    first = advance(opened(THREE), START)

    step = advance(first.state, START + timedelta(days=365))

    assert [(page.kind, page.level) for page in step.pages] == [("page", 1)]
