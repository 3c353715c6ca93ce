"""The Bitbucket stand-in behaves as Bitbucket is known to: pages, q, sort, fields, limits, retired lists, writes, sign-in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.bbql import BadQuery, predicate
from tests.fakes.bitbucket import Bitbucket
from tests.fakes.web import Answer, Fake, Request

SHOP = "/2.0/repositories/acme/shop"


@pytest.fixture
def fake() -> Iterator[Bitbucket]:
    with Bitbucket() as running:
        yield running


def call(
    fake: Fake, path: str, method: str = "GET", body: Any = None, form: dict[str, str] | None = None, token: str = "workspace-access-token"
) -> tuple[int, Any]:
    """Return status and body of one request."""
    data = urllib.parse.urlencode(form).encode() if form else None if body is None else json.dumps(body).encode()
    address = path if path.startswith("http") else fake.url + path
    request = urllib.request.Request(address, data, {"Authorization": f"Bearer {token}"} if token else {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def query(**values: str) -> str:
    return "?" + urllib.parse.urlencode(values)


def test_pages_follow_next_to_the_end(fake: Bitbucket) -> None:
    address, ids, calls = f"{SHOP}/issues{query(pagelen='100')}", [], 0

    while address:
        status, page = call(fake, address)
        ids += [row["id"] for row in page["values"]]
        address, calls = page.get("next", ""), calls + 1

    assert (status, calls, ids) == (200, 2, list(range(1, 181)))


def test_commits_page_by_an_opaque_token_and_tell_no_size(fake: Bitbucket) -> None:
    _, first = call(fake, f"{SHOP}/commits{query(pagelen='100')}")
    _, second = call(fake, first["next"])

    assert ("size" in first, len(first["values"]), len(second["values"]), "next" in second) == (False, 100, 30, False)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("id = 7", [7]),
        ("id = 7 OR id = 9", [7, 9]),
        ("id >= 3 AND id < 6", [3, 4, 5]),
        ("id IN (1, 2, 900)", [1, 2]),
        ("id < 4 AND id NOT IN (2)", [1, 3]),
        ('(id = 1 OR id = 2) AND content.raw ~ "NUMBER 2"', [2]),
        ("created_on < 2025-01-06T10:50:00+00:00", [1]),
        ("edited_on = null AND id < 6", [1, 2, 3, 4]),
    ],
)
def test_q_chooses_rows(fake: Bitbucket, text: str, ids: list[int]) -> None:
    status, page = call(fake, f"{SHOP}/issues{query(q=text)}")

    assert (status, [row["id"] for row in page["values"]]) == (200, ids)


@pytest.mark.parametrize("text", ["id =", "id = 1 AND", "nonsense = 1", 'title ~ 3"', "id IN 3", "(id = 1", "title = bare"])
def test_q_that_is_wrong_is_refused(fake: Bitbucket, text: str) -> None:
    assert call(fake, f"{SHOP}/issues{query(q=text)}")[0] == 400


def test_quotes_in_strings_are_escaped() -> None:
    meets = predicate(r'title = "say \"a\\b\""', ["title"])

    assert [meets({"title": r'say "a\b"'}), meets({"title": "say"})] == [True, False]


def test_comparison_of_other_types_is_refused() -> None:
    with pytest.raises(BadQuery):
        predicate("title > 3", ["title"])({"title": "x"})


def test_sort_puts_nulls_first_and_minus_turns_it(fake: Bitbucket) -> None:
    _, up = call(fake, f"{SHOP}/issues{query(sort='edited_on')}")
    _, down = call(fake, f"{SHOP}/issues{query(sort='-edited_on')}")

    assert (up["values"][0]["edited_on"], down["values"][0]["id"]) == (None, 180)


def test_fields_replace_and_lose_next(fake: Bitbucket) -> None:
    _, plain = call(fake, f"{SHOP}/issues{query(fields='values.id,values.content.raw')}")
    _, named = call(fake, f"{SHOP}/issues{query(fields='values.id,next,size')}")
    _, less = call(fake, f"{SHOP}/issues{query(fields='-values.content')}")

    assert plain["values"][0] == {"id": 1, "content": {"raw": "Steps to reproduce number 1"}}
    assert (set(plain), set(named)) == ({"values"}, {"values", "next", "size"})
    assert ("content" in less["values"][0], "next" in less) == (False, True)


def test_limits_of_a_page(fake: Bitbucket) -> None:
    asked = [call(fake, f"{SHOP}/{path}")[0] for path in ("issues?pagelen=100", "issues?pagelen=101", "pullrequests?pagelen=50")]
    status, body = call(fake, f"{SHOP}/pullrequests?pagelen=51")

    assert (asked, status, body["error"]["message"]) == ([200, 400, 200], 400, "Invalid pagelen")


def test_only_open_pull_requests_unless_states_are_named(fake: Bitbucket) -> None:
    states = "&".join(f"state={state}" for state in ("OPEN", "MERGED", "DECLINED", "SUPERSEDED"))

    assert [call(fake, f"{SHOP}/pullrequests{text}")[1]["size"] for text in ("", "?state=MERGED", f"?{states}")] == [18, 36, 90]


def test_retired_lists_answer_410(fake: Bitbucket) -> None:
    told = [call(fake, path) for path in ("/2.0/repositories", "/2.0/workspaces")]

    assert [(status, "CHANGE-2770" in body["error"]["message"]) for status, body in told] == [(410, True)] * 2


@pytest.mark.parametrize("status", [404, 410])
def test_issue_tracker_can_be_retired(fake: Bitbucket, status: int) -> None:
    call(fake, "/_control", "POST", {"issues": str(status)})

    paths = ("issues", "issues/1", "issues/1/comments", "components")
    assert [call(fake, f"{SHOP}/{path}")[0] for path in paths] == [status] * 4


def test_rows_are_created_changed_and_removed(fake: Bitbucket) -> None:
    status, row = call(fake, f"{SHOP}/issues", "POST", {"title": "New", "content": {"raw": "x"}})
    _, changed = call(fake, f"{SHOP}/issues/{row['id']}", "PUT", {"state": "open"})
    removed = call(fake, f"{SHOP}/issues/{row['id']}", "DELETE")[0]

    assert (status, row["id"], row["content"]["html"], changed["state"], removed) == (201, 181, "<p>x</p>", "open", 204)
    assert call(fake, f"{SHOP}/issues/{row['id']}")[0] == 404
    assert call(fake, f"{SHOP}/issues", "POST", {})[0] == 400


def test_hooks_are_told_with_a_signature(fake: Bitbucket) -> None:
    told: list[Request] = []

    class Ear(Fake):
        def answer(self, request: Request) -> Answer:
            told.append(request)
            return Answer(200, {})

    with Ear() as ear:
        hook = {"url": ear.url, "events": ["issue:created"], "active": True, "secret": "s3cret"}
        _, kept = call(fake, f"{SHOP}/hooks", "POST", hook)
        call(fake, f"{SHOP}/issues", "POST", {"title": "Told"})
        for _ in range(200):
            if told:
                break
            ear.thread.join(0.02)

    signature = "sha256=" + hmac.new(b"s3cret", told[0].body, hashlib.sha256).hexdigest()
    assert (told[0].headers["x-hub-signature"], told[0].headers["x-event-key"]) == (signature, "issue:created")
    assert "s3cret" not in json.dumps(kept)


def test_storm_answers_429_so_many_times(fake: Bitbucket) -> None:
    call(fake, "/_control", "POST", {"storm": 2})

    assert [call(fake, f"{SHOP}/issues/1")[0] for _ in range(3)] == [429, 429, 200]


def test_unknown_control_is_refused(fake: Bitbucket) -> None:
    assert call(fake, "/_control", "POST", {"strom": 2})[0] == 400


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def tokens(fake: Bitbucket, form: dict[str, str], client: tuple[str, str] = ("consumer-key", "consumer-secret")) -> tuple[int, Any]:
    """Return the answer of the token address."""
    return call(fake, "/site/oauth2/access_token", "POST", form=form | {"client_id": client[0], "client_secret": client[1]}, token="")


def code(fake: Bitbucket) -> str:
    """Return a code as the callback gets it."""
    call(fake, "/_control", "POST", {"consent": "grant"})
    asked = query(client_id="consumer-key", response_type="code", state="s", redirect_uri="http://localhost/back")

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args: Any, **kwargs: Any) -> None:
            return None

    try:
        urllib.request.build_opener(Stay).open(f"{fake.url}/site/oauth2/authorize{asked}")
    except urllib.error.HTTPError as led:
        found = urllib.parse.parse_qs(urllib.parse.urlsplit(led.headers["Location"]).query)
    assert found["state"] == ["s"]
    return found["code"][0]


def test_refresh_tokens_rotate_and_codes_count_once(fake: Bitbucket) -> None:
    form = {"grant_type": "authorization_code", "code": code(fake), "redirect_uri": "http://localhost/back"}
    status, first = tokens(fake, form)
    again = tokens(fake, form)[0]
    _, second = tokens(fake, {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]})
    stale = tokens(fake, {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]})

    assert (status, again, stale[0], stale[1]["error"]) == (200, 400, 400, "invalid_grant")
    assert call(fake, "/2.0/user", token=second["access_token"])[0] == 200
    assert second["refresh_token"] != first["refresh_token"]


def test_expired_tokens_are_refused(fake: Bitbucket) -> None:
    _, given = tokens(fake, {"grant_type": "client_credentials"}, ("private-key", "private-secret"))
    before = call(fake, "/2.0/user", token=given["access_token"])[0]
    call(fake, "/_control", "POST", {"expire": True})

    assert (before, call(fake, "/2.0/user", token=given["access_token"])[0], "refresh_token" in given) == (200, 401, False)


def test_client_credentials_demand_a_private_consumer(fake: Bitbucket) -> None:
    status, body = tokens(fake, {"grant_type": "client_credentials"})

    assert (status, "private" in body["error_description"]) == (400, True)


def test_api_tokens_sign_in_by_basic_and_tokens_in_the_address_do_not(fake: Bitbucket) -> None:
    request = urllib.request.Request(f"{fake.url}/2.0/user", headers={"Authorization": basic("aoi@example.com", "api-token-1")})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.loads(answer.read())["display_name"] == "Aoi Tanaka"
    assert call(fake, "/2.0/user?access_token=workspace-access-token", token="")[0] == 401
    assert call(fake, "/2.0/user/workspaces")[0] == 403


def test_log_tells_method_path_and_query(fake: Bitbucket) -> None:
    call(fake, f"{SHOP}/issues{query(q='id = 1')}")

    assert call(fake, "/_log")[1] == [{"method": "GET", "path": f"{SHOP}/issues", "query": [["q", "id = 1"]], "status": 200}]
