"""Lines folded into patterns: what is folded, what is kept, what is never shown."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upkeep.clients.logs import patterns
from upkeep.clients.logs.model import LogLine
from upkeep.clients.logs.patterns import MAX_PATTERNS, OTHER, group_lines, is_error, normalise
from upkeep.clients.secrets import mask_secrets

START = datetime(2026, 3, 1, tzinfo=UTC)
SECRETS = st.text(string.ascii_letters + string.digits, min_size=12, max_size=40).map("s3cr3t".__add__)


def line(text, minute=0):
    return LogLine(START + timedelta(minutes=minute), text, "shop/api-1")


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("took 17 ms, 3.5 % of 1,000", "took <n> ms, <n> % of <n>"),
        ("2026-03-01T02:03:04.567Z started", "<time> started"),
        ("2026-03-01 02:03:04,567 x", "<time> x"),
        ("[01/Mar/2026:02:03:04 +0000] GET /", "[<time>] GET /"),
        ("Mar  1 02:03:04 host died", "<time> host died"),
        ("id 123e4567-e89b-12d3-a456-426614174000 gone", "id <uuid> gone"),
        ("from 10.1.2.3:5432 and fe80::1ff:fe23:4567:890a", "from <ip> and <ip>"),
        ("digest sha256:" + "0ab1" * 16, "digest sha<n>:<hex>"),
        ("at 0xDEADBEEF", "at <hex>"),
        ("no user \"ann\" or 'bob'; don't retry", "no user <text> or <text>; don't retry"),
        ("pod api-7d9c5b6f4-x2x4z restarted", "pod api-<id> restarted"),
        ("the facade of the decade faded", "the facade of the decade faded"),
    ],
)
def test_what_is_folded(text, pattern):
    assert normalise(text) == pattern


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_lines_that_differ_in_a_number_are_one_pattern(one, other):
    assert normalise(f"user {one} failed") == normalise(f"user {other} failed")


MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001 - as logs write them
IDENTITIES = st.tuples(MOMENTS, st.uuids(), st.ip_addresses(v=4))


@given(IDENTITIES, IDENTITIES)
def test_lines_that_differ_in_ids_addresses_and_times_are_one_pattern(one, other):
    def told(at, identity, address):
        return normalise(f"{at:%Y-%m-%dT%H:%M:%S} ERROR {identity} from {address} lost")

    assert told(*one) == told(*other) == "<time> ERROR <uuid> from <ip> lost"


@given(st.text(max_size=2000))
def test_a_pattern_is_one_short_line(text):
    pattern = normalise(text)
    assert len(pattern) <= 300
    assert pattern == " ".join(pattern.split())


@pytest.mark.parametrize(
    "form",
    [
        "password={}",
        "PASSWORD: {}",
        'db_password = "{} and more"',
        '{{"token": "{}", "n": 1}}',
        "Authorization: Bearer {}",
        "authorization=Basic {}",
        "GET /?api_key={}&x=1",
        "postgres://ann:{}@db:5432/shop",
        "amqp://ann:p@{}@mq/",
        "aws_secret_access_key={}",
        "Cookie: a=b; session={}",
        "client-secret: '{}'",
        "retry with bearer {}",
    ],
)
@given(secret=SECRETS)
def test_no_secret_survives(form, secret):
    text = form.format(secret)
    assert secret not in mask_secrets(text)
    [pattern] = group_lines([line(text)])
    assert secret not in pattern.pattern
    assert secret not in pattern.example
    assert mask_secrets(mask_secrets(text)) == mask_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefgh",
        "ghp_" + "a1" * 18,
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_secrets_of_a_known_shape_are_masked(text):
    assert mask_secrets(f"got {text} here") == "got *** here"


@pytest.mark.parametrize(
    "text", ["tokens used: 5", "token validation failed", "passed: 17", "GET /login 200"]
)
def test_what_is_no_secret_stays(text):
    assert mask_secrets(text) == text


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c d"]), st.integers(0, 500)), max_size=60))
def test_counts_and_times_are_those_of_the_lines(entries):
    found = {p.pattern: p for p in group_lines(line(text, minute) for text, minute in entries)}
    for text in {text for text, _ in entries}:
        minutes = [minute for t, minute in entries if t == text]
        pattern = found[text]
        assert pattern.count == len(minutes)
        assert pattern.first_seen == START + timedelta(minutes=min(minutes))
        assert pattern.last_seen == START + timedelta(minutes=max(minutes))


def test_memory_is_bounded_and_no_line_lost():
    words = ["".join(chr(97 + int(d)) for d in f"{n:05}") for n in range(5000)]
    found = group_lines(line(f"{word} {'x' * 8000}") for word in words)
    assert len(found) == MAX_PATTERNS + 1
    assert sum(p.count for p in found) == 5000
    assert found[0].pattern == OTHER
    assert max(len(p.pattern) + len(p.example) for p in found) <= 800


def test_long_and_hostile_lines_take_no_long_time():
    for text in (
        "a" * 8000,
        "1" * 8000,
        '"' * 8000,
        "'\\" * 4000,
        ":" * 8000,
        "password" * 1000,
        "-" * 8000,
        "a:" * 4000,
    ):
        started = datetime.now(UTC)
        normalise(text)
        is_error(text)
        assert datetime.now(UTC) - started < timedelta(seconds=1), text[:10]


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01 ERROR no route",
        '{"level":"error","msg":"x"}',
        "level=fatal msg=x",
        "E0301 02:03:04.5 1 server.go:1] lost",
        "[error]: bad",
        "ValueError: bad",
        "java.lang.IllegalStateException: bad",
        "Traceback (most recent call last):",
        "panic: runtime",
    ],
)
def test_lines_that_report_an_error(text):
    assert is_error(text)


@pytest.mark.parametrize(
    "text", ["0 errors", "level=info msg=error-free", "GET /errors 200", "", "terror: x"]
)
def test_lines_that_report_none(text):
    assert not is_error(text)


SPOKEN = st.sampled_from(
    [
        *("ERROR", "FATAL", "PANIC", "Severe", "EMERG", "ALERT", "level", "lvl", "severity", "log.level"),
        *("=", ": ", ":", '"', "'", "[", "]", " ", "\n", "_", "err", "crit", "alert", "emerg", "Critical"),
        *("E0301 02:03:04", "F0301 02:03:04", "Exception", "Error", "Traceback (most recent call last)"),
        *("panic", "İ", "ſ", "CRİTİCAL", "K"),
    ]
)


@given(st.lists(SPOKEN | st.text(max_size=3), max_size=8).map("".join))
def test_a_quick_look_leaves_no_error_out(text):
    assert is_error(text) == (patterns._ERROR.search(text) is not None)
