"""The Loki client against a server that answers as Loki's documentation says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from upkeep.clients.endpoint import Endpoint
from upkeep.clients.logs import Loki
from upkeep.errors import BadAnswer, ConfigurationError, TemporaryError

START = datetime(2026, 3, 1, tzinfo=UTC)
NS = int(START.timestamp()) * 10**9
PATH = "/loki/api/v1/query_range"


def serve(web, entries):
    """Answer from (nanoseconds after START, app, text): start included, end not, oldest first, limited."""

    def answer(handler):
        query = {key: values[0] for key, values in parse_qs(urlsplit(handler.path).query).items()}
        assert query["direction"] == "forward"
        chosen = sorted(e for e in entries if int(query["start"]) <= NS + e[0] < int(query["end"]))
        streams = {}
        for at, app, text in chosen[: int(query["limit"])]:
            streams.setdefault(app, []).append([str(NS + at), text])
        result = [{"stream": {"app": app}, "values": values} for app, values in streams.items()]
        body = json.dumps({"status": "success", "data": {"resultType": "streams", "result": result}}).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    web.answers[PATH] = answer


def read(web, end=timedelta(hours=1), **options):
    with Loki(Endpoint(web.url)) as client:
        return list(client.lines('{app=~".+"} |= "error"', START, START + end, **options))


def test_lines_of_all_streams_in_order(web):
    serve(
        web, [(2_000_000_000, "api", "two"), (1_000_000_000, "web", "one"), (3_600_000_000_000, "api", "end")]
    )
    found = read(web)
    assert [(x.text, x.source) for x in found] == [("one", "app=web"), ("two", "app=api")]
    assert found[0].at == START + timedelta(seconds=1)


ENTRIES = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from(["api", "web"]), st.text("ab", max_size=6)),
    max_size=60,
    unique=True,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ENTRIES, st.integers(1, 30))
def test_pages_lose_nothing_and_repeat_nothing(web, entries, page):
    serve(web, entries)
    by_time = [sum(1 for e in entries if e[0] == at) for at in range(61)]
    try:
        found = read(web, page=page)
    except BadAnswer:
        assert max(by_time) >= page
    else:
        assert sorted((x.source, x.text) for x in found) == sorted((f"app={a}", t) for _, a, t in entries)
        assert [x.at for x in found] == sorted(x.at for x in found)


def test_no_more_lines_than_asked_for(web):
    serve(web, [(n, "api", str(n)) for n in range(100)])
    assert len(read(web, page=10, max_lines=25)) == 25
    assert len(web.requests) == 3


def test_bad_logql_says_what_loki_says(web):
    web.says(PATH, "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER", 400)
    with pytest.raises(ConfigurationError, match="parse error"):
        read(web)


def test_numbers_are_no_lines(web):
    web.says(PATH, '{"status":"success","data":{"resultType":"matrix","result":[]}}')
    with pytest.raises(ConfigurationError, match="numbers"):
        read(web)


@pytest.mark.parametrize(
    "result", ["1", "[1]", '[{"values": [[1]]}]', '[{"values": [["x", "y"]]}]', '[{"values": [["1", 2]]}]']
)
def test_garbage_is_a_bad_answer(web, result):
    web.says(PATH, f'{{"data":{{"resultType":"streams","result":{result}}}}}')
    with pytest.raises(BadAnswer):
        read(web)
    web.says(PATH, "<html>")
    with pytest.raises(BadAnswer):
        read(web)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_overloaded_loki_is_temporary(web, status):
    web.says(PATH, "too many outstanding requests", status)
    with pytest.raises(TemporaryError, match="too many"):
        read(web)
