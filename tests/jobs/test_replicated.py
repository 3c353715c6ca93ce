"""`serve: replicated`: reads come from the replica under the resource's own names and rights, with their age; writes are read at once."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apiserver.jobs.models import Task, TaskRun
from apiserver.jobs.replica_serving import KNOWN
from apiserver.jobs.services import save_job
from apiserver.resources import services
from apiserver.resources.configuration import exported, replica_of
from apiserver.resources.models import Resource
from apiserver.resources.services import publish_tables
from apiserver.server import stamp
from apiserver.server.configuration_protocol import ConfigurationError
from connections.contract.table import TableRef
from tests.jobs.replicated import COPY, Replicated, an_hour_ago, person, replicate_shop
from users.models import User
from users.tokens import generate

pytestmark = pytest.mark.django_db
ROWS = "/api.rsc/customers"


def published(shop: Replicated, **replica: Any) -> Replicated:
    """Publish both tables of the source and serve them from the replica."""
    KNOWN.forget()
    for resource in publish_tables(shop.source, [TableRef("", "customers"), TableRef("", "orders")], now=timezone.now()):
        services.update(resource, serve="replicated", replica=replica)
    stamp.forget()
    return shop


@pytest.fixture
def shop(fresh: None, tmp_path: Path) -> Replicated:
    """A replica of which Aoi has another city than the source, so that one sees who answers."""
    found = published(replicate_shop(tmp_path))
    found.ran(an_hour_ago())
    found.run_source("UPDATE customers SET city = 'Osaka' WHERE id = 1")
    return found


def client(**rights: Any) -> Client:
    user = User.objects.create_user("reader", privileges=["GET", "POST", "PATCH", "DELETE"], **rights)
    stamp.forget()
    return Client(headers={"x-cdata-authtoken": generate(user, now=timezone.now()), "host": "testserver"})


def set_up(shop: Replicated, name: str = "customers", **values: Any) -> None:
    services.update(Resource.objects.get(name=name), **values)
    stamp.forget()


def test_reads_come_from_the_replica_and_say_how_old_they_are(shop: Replicated) -> None:
    reader = client()

    answers = [
        reader.get(path)
        for path in (
            f"{ROWS}?$filter=id eq 1",
            f"{ROWS}(1)",
            f"{ROWS}(1)/city",
            f"{ROWS}/$count?$filter=city eq 'Kyoto'",
            "/api.rsc/orders(10)/customer",
        )
    ]

    assert answers[0].json()["value"] == [{"@odata.etag": answers[1]["ETag"], "id": 1, "name": "Aoi", "city": "Kyoto"}]
    assert (answers[1].json()["city"], answers[2].json()["value"], answers[3].content) == ("Kyoto", "Kyoto", b"1")
    assert answers[4].json()["city"] == "Kyoto"
    assert {answer["Served-From"] for answer in answers} == {"replica"}
    assert answers[0]["Data-As-Of"] < timezone.now().strftime("%Y-%m-%dT%H:%M")


def test_the_contract_is_the_same_as_live(shop: Replicated) -> None:
    reader = client()
    replicated = [reader.get(f"/api.rsc/{name}").content for name in ("$metadata", "$oas", "")]

    for name in ("customers", "orders"):
        set_up(shop, name, serve="live")

    assert [reader.get(f"/api.rsc/{name}").content for name in ("$metadata", "$oas", "")] == replicated
    assert reader.get(f"{ROWS}(1)").json()["city"] == "Osaka"
    assert not reader.get(f"{ROWS}(1)").has_header("Served-From")


def test_rights_and_row_filters_hold_on_the_replica(shop: Replicated) -> None:
    reader = client(resources={"customers": {"columns": ["id", "city"], "filter": "city eq 'Kyoto'"}})

    found = reader.get(ROWS).json()["value"]

    assert [{name: value for name, value in row.items() if name[0] != "@"} for row in found] == [{"id": 1, "city": "Kyoto"}]
    assert reader.get(f"{ROWS}(2)").status_code == 404
    assert reader.get(f"{ROWS}?$select=name").status_code == 400
    assert reader.get("/api.rsc/orders").status_code == 404


def test_relations_between_replicas_are_followed_within_the_replica(shop: Replicated) -> None:
    reader = client()

    expanded = reader.get("/api.rsc/orders?$expand=customer&$filter=customer/city eq 'Kyoto'&$orderby=id").json()["value"]

    assert [(row["id"], row["customer"]["city"]) for row in expanded] == [(10, "Kyoto"), (11, "Kyoto")]


@pytest.mark.parametrize(("otherwise", "status", "served"), [("refuse", 503, None), ("live", 200, "live")])
def test_a_relation_that_leaves_the_replica_is_refused_or_answered_live(
    shop: Replicated, otherwise: str, status: int, served: str | None
) -> None:
    set_up(shop, serve="live")
    set_up(shop, "orders", replica={"otherwise": otherwise})
    reader = client()

    answer = reader.get("/api.rsc/orders?$expand=customer")

    assert (answer.status_code, answer.headers.get("Served-From")) == (status, served)
    assert reader.get("/api.rsc/orders")["Served-From"] == "replica"


@pytest.mark.parametrize(
    ("replica", "says"),
    [
        ({"max_age": 30}, "minutes old; 30 are allowed"),
        ({"job": "weekly"}, "The job weekly does not replicate customers"),
    ],
)
def test_without_a_replica_as_wished_a_read_is_refused_or_live(shop: Replicated, replica: dict[str, Any], says: str) -> None:
    set_up(shop, replica=replica)
    reader = client()

    refused = reader.get(ROWS)
    set_up(shop, replica={**replica, "otherwise": "live"})
    live = reader.get(f"{ROWS}(1)")

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "ReplicaUnavailable")
    assert says in refused.json()["error"]["message"]
    assert (live.status_code, live.json()["city"], live["Served-From"]) == (200, "Osaka", "live")


@pytest.mark.parametrize(("otherwise", "status", "served"), [("refuse", 502, "replica"), ("live", 200, "live")])
def test_a_replica_that_is_gone_is_an_error_or_is_answered_live(shop: Replicated, otherwise: str, status: int, served: str) -> None:
    set_up(shop, replica={"otherwise": otherwise})
    reader = client()
    reader.get(ROWS)
    shop.run_copy("DROP VIEW cities; DROP TABLE customers")

    answer = reader.get(f"{ROWS}(1)")

    assert (answer.status_code, answer["Served-From"], answer.has_header("Data-As-Of")) == (status, served, status == 502)
    assert answer.json().get("city") == ("Osaka" if status == 200 else None)


def test_a_job_that_never_ran_gives_no_replica(fresh: None, tmp_path: Path) -> None:
    published(replicate_shop(tmp_path))

    answer = client().get(ROWS)

    assert answer.status_code == 503
    assert "The job nightly has not replicated it yet. Run the job." in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("REPLICATE [customers] SELECT * FROM [customers] WHERE [id] = 1", "leaves rows out"),
        ("REPLICATE [customers] WITH HistoryMode", "keeps all versions"),
        ("REPLICATE [customers] SELECT [id], [name] FROM [customers]", "has no column city"),
    ],
)
def test_a_task_that_does_not_copy_the_whole_table_is_no_replica(fresh: None, tmp_path: Path, statement: str, says: str) -> None:
    copy = "CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(40))" if "city" in says else COPY
    found = published(replicate_shop(tmp_path, statement, copy=copy))
    found.ran(an_hour_ago())

    answer = client().get(ROWS)

    assert (answer.status_code, says in answer.json()["error"]["message"]) == (503, True)


def test_what_is_written_is_read_at_once_and_from_the_replica_again_after_the_next_run(shop: Replicated) -> None:
    writer = client()

    written = writer.patch(f"{ROWS}(2)", {"city": "Nara"}, "application/json")
    after = writer.get(f"{ROWS}(2)")
    related = writer.get("/api.rsc/orders(12)/customer")
    shop.run_copy("UPDATE customers SET city = 'Nara' WHERE id = 2")
    shop.ran(timezone.now() + timedelta(seconds=1))
    again = writer.get(f"{ROWS}(2)")

    assert written.status_code in (200, 204)
    assert [(answer.json()["city"], answer["Served-From"]) for answer in (after, related, again)] == [
        ("Nara", "live"),
        ("Nara", "live"),
        ("Nara", "replica"),
    ]


def test_a_write_against_an_old_row_is_refused_by_its_etag(shop: Replicated) -> None:
    writer = client()

    old = writer.get(f"{ROWS}(1)")
    stale = writer.patch(f"{ROWS}(1)", {"city": "Nara"}, "application/json", headers={"If-Match": old["ETag"]})
    same = writer.get(f"{ROWS}(2)")
    done = writer.patch(f"{ROWS}(2)", {"city": "Nara"}, "application/json", headers={"If-Match": same["ETag"]})

    assert (old["Served-From"], stale.status_code, done.status_code) == ("replica", 412, 200 if done.content else 204)


def test_columns_under_other_names_there_keep_their_own_here(fresh: None, tmp_path: Path) -> None:
    copy = COPY.replace(
        "id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, city", "Number INTEGER PRIMARY KEY, Who VARCHAR(40) NOT NULL, city", 1
    )
    statement = "REPLICATE [customers] SELECT [id] AS [Number], [name] AS [Who], [city] FROM [customers]"
    found = published(replicate_shop(tmp_path, statement, "REPLICATE [orders]", copy=copy))
    found.ran(an_hour_ago())
    found.run_source("UPDATE customers SET city = 'Osaka'")
    reader = client(resources={"customers": {"filter": "id lt 2"}, "orders": {}})

    rows = reader.get(f"{ROWS}?$filter=startswith(name,'A')&$expand=orders")
    walked = reader.get(f"{ROWS}(1)/orders?$orderby=id")

    assert [(row["id"], row["name"], row["city"], len(row["orders"])) for row in rows.json()["value"]] == [(1, "Aoi", "Kyoto", 2)]
    assert (rows["Served-From"], [row["id"] for row in walked.json()["value"]]) == ("replica", [10, 11])


def test_pages_go_on_within_the_replica(shop: Replicated) -> None:
    reader = client()

    first = reader.get(f"{ROWS}?$count=true", headers={"Prefer": "odata.maxpagesize=1"}).json()
    second = reader.get(first["@odata.nextLink"]).json()

    assert (first["@odata.count"], [row["id"] for row in first["value"] + second["value"]]) == (2, [1, 2])


def test_only_reads_of_replicated_resources_ask_for_runs(shop: Replicated) -> None:
    set_up(shop, serve="live")
    reader = client()

    asked = []
    for path in (ROWS, "/api.rsc/orders"):
        reader.get(path)
        with CaptureQueriesContext(connection) as queries:
            reader.get(path)
        asked.append(sum("jobs_taskrun" in query["sql"] for query in queries))

    assert asked == [0, 1]


def test_the_page_switches_and_says_how_fresh_the_replica_is(shop: Replicated) -> None:
    admin, pk = person("admin"), Resource.objects.get(name="customers").pk

    shown = admin.get(f"/console/api/{pk}").content.decode()
    admin.post(f"/console/external-objects/serve/{pk}", {"serve": "replicated", "job": "nightly", "max_age": "15", "otherwise": "live"})
    old = admin.get(f"/console/api/{pk}").content.decode()
    kept = Resource.objects.get(pk=pk)
    admin.post(f"/console/external-objects/serve/{pk}", {"serve": "live"})

    assert "Reads are answered from customers of warehouse" in shown
    assert (kept.serve, kept.replica) == ("replicated", {"job": "nightly", "max_age": 15, "otherwise": "live"})
    assert "more than is allowed. Reads are answered live." in " ".join(old.split())
    assert Resource.objects.get(pk=pk).serve == "live"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"max_age": -1}, "max_age must be minutes"),
        ({"max_age": "soon"}, "max_age must be a whole number"),
        ({"otherwise": "liv"}, "the nearest is live"),
        ({"jobs": "x"}, "the nearest is job"),
    ],
)
def test_the_file_refuses_what_can_not_be(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(says)):
        replica_of(given, "resources.Orders.replica")


def test_the_file_carries_what_is_wished(shop: Replicated) -> None:
    wished = {"job": "nightly", "max_age": 5, "otherwise": "live"}
    set_up(shop, replica=wished)

    found = {name: exported(Resource.objects.get(name=name)) for name in ("customers", "orders")}

    assert (found["customers"]["serve"], found["customers"]["replica"]) == ("replicated", wished)
    assert "replica" not in found["orders"]
    assert replica_of({"job": "", "max_age": 0, "otherwise": "refuse"}, "replica") == {}


def test_one_click_publishes_what_a_task_writes(shop: Replicated) -> None:
    admin, task = person("admin"), Task.objects.get(statement__contains="orders")

    answer = admin.post(f"/console/external-objects/publish/{task.pk}")
    twice = admin.post(f"/console/external-objects/publish/{task.pk}")

    made = Resource.objects.get(connection=shop.destination)
    assert (made.table, made.methods, answer["Location"]) == ("orders", ["GET"], f"/console/api/{made.pk}")
    assert twice["Location"] == answer["Location"]
    assert "This table is a replica of orders of shop, kept by the job nightly." in admin.get(answer["Location"]).content.decode()


def test_pages_of_a_task_and_of_its_run_have_the_button(shop: Replicated) -> None:
    admin, task = person("admin"), Task.objects.get(statement__contains="orders")
    run = TaskRun.objects.get(task=task).run

    pages = [admin.get(reverse(name, args=[pk])).content.decode() for name, pk in (("jobs:task", task.pk), ("runs:show", run.pk))]

    assert [f"/console/external-objects/publish/{task.pk}" in page for page in pages] == [True, True]
    assert f"/console/external-objects/{shop.destination.pk}" in admin.get(reverse("jobs:show", args=[shop.job.pk])).content.decode()


def test_relations_of_the_source_are_taken_over_by_a_button(shop: Replicated) -> None:
    orders, _customers = publish_tables(shop.destination, [TableRef("", "orders"), TableRef("", "customers")], now=timezone.now())
    admin = person("admin")

    pages = [admin.post(f"/console/external-objects/relations/{orders.pk}", follow=True).content.decode() for _ in range(2)]

    assert ["1 relation was added." in page for page in pages] == [True, False]
    assert list(Resource.objects.get(pk=orders.pk).relations) == ["customer"]


def test_a_table_that_is_not_there_yet_is_not_published(shop: Replicated) -> None:
    task = Task.objects.create(job=shop.job, position=3, statement="REPLICATE [lines2]")

    answer = person("admin").post(f"/console/external-objects/publish/{task.pk}", {"next": "/console/"}, follow=True)

    assert "There is no table lines2 at warehouse yet. Run the job first." in answer.content.decode()


def test_rows_that_are_marked_as_deleted_are_not_served(fresh: None, tmp_path: Path) -> None:
    soft = "REPLICATE [customers] WITH SoftDelete"
    copy = COPY.replace("city VARCHAR(40));", "city VARCHAR(40), _cdatasync_deleted TIMESTAMP);", 1)
    copy = copy.replace(
        "INSERT INTO customers VALUES (1, 'Aoi', 'Kyoto'), (2, 'Ben', NULL)",
        "INSERT INTO customers VALUES (1, 'Aoi', 'Kyoto', NULL), (2, 'Ben', NULL, '2026-01-01 00:00:00')",
    )
    found = published(replicate_shop(tmp_path, soft, "REPLICATE [orders]", copy=copy))
    found.ran(an_hour_ago())
    reader = client()

    answer = reader.get(ROWS)

    assert answer["Served-From"] == "replica"
    assert [(row["id"], list(row)[-3:]) for row in answer.json()["value"]] == [(1, ["id", "name", "city"])]
    assert (reader.get(f"{ROWS}/$count").content, reader.get(f"{ROWS}(2)").status_code) == (b"1", 404)


def test_the_job_of_a_replica_is_known_under_its_new_name(shop: Replicated) -> None:
    set_up(shop, replica={"job": "nightly", "max_age": 3600})

    save_job(shop.job, who="admin", now=timezone.now(), name="hourly")

    assert Resource.objects.get(name="customers").replica == {"job": "hourly", "max_age": 3600}
    stamp.forget()
    assert client().get(ROWS)["Served-From"] == "replica"
