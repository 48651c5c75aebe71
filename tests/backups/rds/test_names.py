"""Identifiers of snapshots and instances."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upkeep.backups.rds.calls import tag_value
from upkeep.backups.rds.names import LONGEST_INSTANCE, LONGEST_SNAPSHOT, instance_id, is_valid, snapshot_id
from upkeep.errors import ConfigurationError

names = st.text(max_size=300)
prefixes = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)


@given(prefixes, names)
def test_any_name_gives_a_valid_identifier_and_always_the_same(prefix, name):
    for make, longest in ((snapshot_id, LONGEST_SNAPSHOT), (instance_id, LONGEST_INSTANCE)):
        made = make(prefix, name)
        assert is_valid(made, longest)
        assert made == made.lower() == make(prefix, name)
        assert "--" not in made
        assert not made.endswith("-")


@given(prefixes, names, names)
def test_two_names_that_differ_in_more_than_case_stay_two(prefix, one, other):
    if one.lower() != other.lower():
        assert instance_id(prefix, one) != instance_id(prefix, other)


@pytest.mark.parametrize("prefix", ["", "2shop", "-shop", "éshop"])
def test_a_prefix_that_begins_with_no_letter_is_refused(prefix):
    with pytest.raises(ConfigurationError, match="letter"):
        snapshot_id(prefix, "x")


@pytest.mark.parametrize("wrong", ["a" * 64, "a--b", "a-", "1a", "a_b", "", "ä", "a\n"])
def test_what_rds_refuses_is_not_valid(wrong):
    assert not is_valid(wrong, LONGEST_INSTANCE)


@given(st.text(max_size=400))
def test_a_tag_holds_no_sign_that_aws_refuses(text):
    held = tag_value(text)
    assert len(held) <= 256
    assert all(sign.isalnum() or sign.isspace() or sign in "_.:/=+-@" for sign in held if sign.isascii())
    assert tag_value(held) == held
