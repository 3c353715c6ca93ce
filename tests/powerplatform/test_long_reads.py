"""`Prefer: respond-async`: what is asked for later is what would have been answered at once, to whoever may see it."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apiserver.powerplatform import long_read_results, long_reads
from apiserver.powerplatform.long_read_doing import carry_out, claim
from apiserver.powerplatform.long_read_models import LongRead, LongReadPiece
from apiserver.powerplatform.long_read_results import forget_old
from apiserver.powerplatform.long_read_under_way import Running
from apiserver.server import options, stamp
from tests.powerplatform.long_work import LATER, NAMES, asked, body, got, only, place, settings, shop, small, work
from tests.triggers.conftest import Shop

__all__ = ["shop", "small"]
ADDRESSES = (
    "orders",
    "orders(2)",
    "orders(2)/name",
    "orders(2)/name/$value",
    "orders/$count",
    "orders?$filter=name ne 'bee'&$select=id,name&$orderby=name desc&$count=true",
    "orders?$top=2",
    "orders?$skip=4",
    "orders/$ref",
    "orders?$compute=id add 1 as next&$select=next",
)


# ---- what is answered ----


def test_the_answer_later_is_the_answer_at_once(shop: Shop) -> None:
    client = shop.user("flow")

    for address in ADDRESSES:
        now, later = client.get(f"/api.rsc/{address}"), got(client, address)
        assert (later.status_code, body(later)) == (now.status_code, body(now)), address
        assert (later["Content-Type"], later["OData-Version"]) == (now["Content-Type"], now["OData-Version"])
        assert later.get("ETag") == now.get("ETag")


def test_the_first_answer_says_where_and_when(small: Shop) -> None:
    client = small.user("flow")

    first = client.get("/api.rsc/orders", headers=LATER)
    again = client.get(place(first))

    assert first["Location"].startswith("http://testserver/api.rsc/$async/")
    assert (first["Retry-After"], first["Preference-Applied"], again["Retry-After"]) == ("1", "respond-async", "1")
    assert (again.status_code, again["Location"]) == (202, first["Location"])
    assert {name: again.json()[name] for name in ("status", "subject", "rows")} == {"status": "waiting", "subject": "orders", "rows": 0}


def test_progress_is_told_while_it_runs(small: Shop) -> None:
    client = small.user("flow")
    where = asked(client, "orders")
    claim(only(), now=timezone.now())
    running = Running(only())
    running.rows = 1234
    running.beat()

    answer = client.get(where)

    assert (answer.status_code, answer.json()["status"], answer.json()["rows"]) == (202, "running", 1234)
    assert answer.json()["started"] is not None


def test_the_answer_is_whole_unless_a_page_is_asked_for(small: Shop) -> None:
    options.save({"page_size": 2})
    stamp.forget()
    client = small.user("flow")

    whole = got(client, "orders?$orderby=name").json()
    page = got(client, "orders?$orderby=name", prefer="respond-async, odata.maxpagesize=3")

    assert ([row["name"] for row in whole["value"]], "@odata.nextLink" in whole) == (list(NAMES), False)
    assert (len(page.json()["value"]), page["Preference-Applied"]) == (3, "odata.maxpagesize=3")
    rest = client.get(page.json()["@odata.nextLink"].removeprefix("http://testserver"))
    assert [row["name"] for row in rest.json()["value"]] == ["dog", "eel"]


def test_a_long_result_comes_in_pieces(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_read_results, "PIECE_BYTES", 50)
    monkeypatch.setattr(long_reads, "PIECE_BYTES", 50)
    client = small.user("flow")
    now = client.get("/api.rsc/orders?$expand=")

    later = got(client, "orders")

    assert LongReadPiece.objects.count() > 1
    assert later.streaming and body(later) == body(client.get("/api.rsc/orders")) and now.status_code in (200, 400)


def test_what_is_wrong_with_the_address_is_told_at_once(small: Shop) -> None:
    client = small.user("flow")

    statuses = [
        client.get(f"/api.rsc/{path}", headers=LATER).status_code
        for path in ("nothing", "orders?$filter=(", "orders?$apply=aggregate($count as n)")
    ]

    assert (statuses, LongRead.objects.count()) == ([404, 400, 501], 0)


@pytest.mark.parametrize(("path", "status", "code"), [("orders(99)", 404, "NotFound"), ("orders?$filter=nix eq 1", 400, "InvalidQuery")])
def test_an_error_is_the_result(small: Shop, path: str, status: int, code: str) -> None:
    client = small.user("flow")

    plain = got(client, path)
    odata = got(client, path, **{"odata-maxversion": "4.01"})

    assert (plain.status_code, plain.json()["error"]["code"], plain["AsyncResult"]) == (status, code, str(status))
    assert (odata.status_code, odata.json()["error"]["code"], odata["AsyncResult"]) == (200, code, str(status))


@pytest.mark.parametrize("headers", [{"accept": "application/http"}, {"odata-maxversion": "4.0"}])
def test_a_client_of_odata_4_gets_an_http_message(small: Shop, headers: dict[str, str]) -> None:
    client = small.user("flow")
    now = client.get("/api.rsc/orders")
    where = asked(client, "orders")
    work()

    answer = client.get(where, headers=headers)

    head, _, message = answer.content.partition(b"\r\n\r\n")
    assert (answer.status_code, answer["Content-Type"], message) == (200, "application/http", now.content)
    assert head.split(b"\r\n")[0] == b"HTTP/1.1 200 OK"
    assert f"Content-Length: {len(now.content)}".encode() in head


def test_the_token_stands_in_the_location_only_where_the_request_had_it(small: Shop) -> None:
    options.save({"allow_authtoken_in_url": True})
    stamp.forget()
    token = small.user("flow").defaults.get("HTTP_X_CDATA_AUTHTOKEN") or small.users["flow"].headers["x-cdata-authtoken"]  # type: ignore[attr-defined]
    client = Client(headers={"host": "testserver"})

    answer = client.get(f"/api.rsc/@{token}/orders", headers=LATER)
    work()
    result = client.get(place(answer))

    assert answer["Location"].startswith(f"http://testserver/api.rsc/@{token}/$async/")
    assert result.json()["@odata.context"].startswith(f"http://testserver/api.rsc/@{token}/$metadata")
    assert token not in only().asked


def test_a_client_that_waits_gets_the_answer_itself(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_reads, "sleep", lambda _: work())
    client = small.user("flow")

    answer = client.get("/api.rsc/orders", headers={"prefer": "respond-async, wait=5"})

    assert (answer.status_code, answer.content) == (200, client.get("/api.rsc/orders").content)
    assert LongRead.objects.count() == 0


def test_what_is_cancelled_while_somebody_waits_is_not_there(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    client = small.user("flow")
    monkeypatch.setattr(long_reads, "sleep", lambda _: LongRead.objects.all().delete())

    answer = client.get("/api.rsc/orders", headers={"prefer": "respond-async, wait=5"})

    assert answer.status_code == 404


def test_few_wait_at_a_time(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_reads, "PATIENT", threading.BoundedSemaphore(1))
    long_reads.PATIENT.acquire()
    client = small.user("flow")

    answer = client.get("/api.rsc/orders", headers={"prefer": "respond-async, wait=30"})

    assert answer.status_code == 202


def test_metadata_tells_whether_answers_may_come_later(small: Shop) -> None:
    client = small.user("flow")
    term = '<Annotation Term="Capabilities.AsynchronousRequestsSupported" Bool="{}"'

    on = client.get("/api.rsc/$metadata").content.decode()
    settings(per_user=0)
    off = client.get("/api.rsc/$metadata").content.decode()

    assert (term.format("true") in on, term.format("false") in off) == (True, True)


def test_a_long_query_in_a_body_is_answered_later_too(small: Shop) -> None:
    client = small.user("flow")

    answer = client.post("/api.rsc/orders/$query", "$filter=name eq 'bee'", content_type="text/plain", headers=LATER)
    work()

    assert [row["name"] for row in client.get(place(answer)).json()["value"]] == ["bee"]


@pytest.mark.parametrize(
    ("method", "path"), [("head", "orders"), ("get", "$metadata"), ("get", ""), ("get", "$oas"), ("patch", "orders(1)")]
)
def test_all_else_is_answered_at_once(small: Shop, method: str, path: str) -> None:
    client = small.user("flow")

    answer = getattr(client, method)(f"/api.rsc/{path}", headers=LATER)

    assert (answer.status_code != 202, LongRead.objects.count()) == (True, 0)


def test_it_can_be_turned_off(small: Shop) -> None:
    settings(per_user=0)

    assert small.user("flow").get("/api.rsc/orders", headers=LATER).status_code == 200


# ---- who may ask for it, and how long ----


def test_a_result_is_given_again_until_its_time_is_over(small: Shop) -> None:
    client = small.user("flow")
    where = asked(client, "orders")
    work()

    head, first, second = client.head(where), client.get(where), client.get(where)
    LongRead.objects.update(expires=timezone.now() - timedelta(minutes=1))
    late = client.get(where).status_code
    forget_old(now=timezone.now())

    assert (head.status_code, head.content, head["Content-Length"]) == (200, b"", str(len(first.content)))
    assert first.content == second.content
    assert (late, client.get(where).status_code, LongReadPiece.objects.count()) == (410, 410, 0)
    forget_old(now=timezone.now() + timedelta(days=2))
    assert client.get(where).status_code == 404


def test_only_who_asked_finds_it(small: Shop) -> None:
    where = asked(small.user("flow"), "orders")
    work()
    other = small.user("other")

    statuses = [call(where).status_code for call in (other.get, other.head, other.delete, Client(headers={"host": "testserver"}).get)]

    assert (statuses, other.get("/api.rsc/$async/nothing").status_code) == ([404, 404, 404, 401], 404)
    assert small.users["flow"].get(where).status_code == 200


def test_delete_cancels(small: Shop) -> None:
    client = small.user("flow")
    where = asked(client, "orders")
    claim(only(), now=timezone.now())
    running = Running(only())

    answer = client.delete(where)
    running.beat()
    carry_out(running)

    assert (answer.status_code, client.get(where).status_code, client.delete(where).status_code) == (204, 404, 404)
    assert (LongRead.objects.count(), LongReadPiece.objects.count()) == (0, 0)


def test_other_methods_are_refused(small: Shop) -> None:
    client = small.user("flow")

    answer = client.post(asked(client, "orders"))

    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD, DELETE, OPTIONS")


def test_a_user_has_so_many_under_way(small: Shop) -> None:
    settings(per_user=2)
    client = small.user("flow")
    asked(client, "orders"), asked(client, "orders")

    third = client.get("/api.rsc/orders", headers=LATER)
    other = small.user("other").get("/api.rsc/orders", headers=LATER)
    work()

    assert (third.status_code, third["Retry-After"], third.json()["error"]["code"]) == (429, "30", "TooManyRequests")
    assert (other.status_code, client.get("/api.rsc/orders", headers=LATER).status_code) == (202, 202)


def test_the_anonymous_user_may_ask_too(small: Shop) -> None:
    options.save({"anonymous": True})
    stamp.forget()

    answer = got(Client(headers={"host": "testserver"}), "orders")

    assert len(answer.json()["value"]) == len(NAMES)
