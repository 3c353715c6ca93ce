"""External Objects: the login, what its ticks share, what can't be ticked, and what an OData client then reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apiserver.jobs.models import ExternalService
from apiserver.resources.models import Resource
from apiserver.server import stamp
from apiserver.server.models import Audit
from tests.jobs.replicated import Replicated, an_hour_ago, basic, person, replicate_shop
from users.models import User
from users.tokens import generate

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(fresh: None, tmp_path: Path) -> Replicated:
    found = replicate_shop(tmp_path)
    found.ran(an_hour_ago())
    return found


def page_of(admin: Client, shop: Replicated) -> str:
    return str(admin.get(f"/console/external-objects/{shop.destination.pk}").content.decode())


def password_of(page: str) -> str:
    found = re.search(r'id="password"[^>]*value="([^"]*)"', page)
    assert found
    return found[1]


def created(admin: Client, shop: Replicated) -> str:
    """Create the login and return its password."""
    answer = admin.post(f"/console/external-objects/{shop.destination.pk}/create", follow=True)
    return password_of(answer.content.decode())


def tick(admin: Client, shop: Replicated, *tables: str, **more: str) -> Any:
    """Send the form as the page shows it, with these ticks."""
    offered = re.findall(r'name="offered" value="([^"]*)"', page_of(admin, shop))
    values = {"save": "1", "offered": offered, "table": [f"|{name}" for name in tables], **more}
    return admin.post(f"/console/external-objects/{shop.destination.pk}", values)


def test_the_first_visit_creates_the_login_and_shows_its_password_once(shop: Replicated) -> None:
    admin = person("admin")

    first = page_of(admin, shop)
    password = created(admin, shop)
    again = page_of(admin, shop)

    assert "Create login credentials" in first
    assert re.fullmatch(r"[A-Za-z0-9_-]{22,128}", password)
    assert (password in again, "external_warehouse" in again, "http://testserver/api.rsc/" in again) == (False, True, True)
    user = User.objects.get(name="external_warehouse")
    assert (user.role, user.privileges, user.resources) == ("query", ["GET"], {})


def test_a_tick_shares_a_table_for_reading_and_nothing_else(shop: Replicated) -> None:
    admin = person("admin")
    client = basic("external_warehouse", created(admin, shop))

    before = client.get("/api.rsc/")
    tick(admin, shop, "customers")
    stamp.forget()

    assert before.json()["value"] == []
    assert [item["name"] for item in client.get("/api.rsc/").json()["value"]] == ["customers"]
    assert [row["name"] for row in client.get("/api.rsc/customers").json()["value"]] == ["Aoi", "Ben"]
    assert client.post("/api.rsc/customers", {"id": 3, "name": "Eve"}, "application/json").status_code == 403
    assert client.get("/api.rsc/orders").status_code == 404
    assert Audit.objects.filter(action="resource published", subject="customers").exists()


def test_tables_without_a_key_say_why_and_ours_are_not_shown(shop: Replicated) -> None:
    admin = person("admin")
    created(admin, shop)

    page = page_of(admin, shop)
    tick(admin, shop, "lines", "_apiserver_state")

    assert ("no primary key: clients could not tell its rows apart" in page, "_apiserver_state" in page) == (True, False)
    assert 'value="|lines"' not in page
    assert Resource.objects.count() == 0
    assert ("nightly" in page, "last at" in page) == (True, True)


@pytest.mark.parametrize(("column", "says"), [("", "Choose the column"), ("one", "or the same in two"), ("city", "")])
def test_a_view_is_shared_by_a_column_that_tells_its_rows_apart(shop: Replicated, column: str, says: str) -> None:
    admin = person("admin")
    client = basic("external_warehouse", created(admin, shop))

    answer = tick(admin, shop, "cities", **{"key:|cities": column})
    stamp.forget()

    assert answer.status_code == (422 if says else 302)
    assert says in answer.content.decode()
    assert client.get("/api.rsc/cities('Kyoto')").status_code == (404 if says else 200)


def test_without_its_tick_a_table_is_gone_for_the_login_and_unpublished_where_only_the_tick_published_it(shop: Replicated) -> None:
    admin = person("admin")
    client = basic("external_warehouse", created(admin, shop))
    tick(admin, shop, "customers", "orders")
    User.objects.create_user("other", privileges=["GET"], resources={"orders": {}})

    tick(admin, shop)
    stamp.forget()

    assert client.get("/api.rsc/").json()["value"] == []
    assert list(Resource.objects.values_list("name", flat=True)) == ["orders"]
    assert ExternalService.objects.get().made == []


def test_relations_of_the_source_hold_between_replicas(shop: Replicated) -> None:
    admin = person("admin")
    client = basic("external_warehouse", created(admin, shop))

    tick(admin, shop, "orders")
    tick(admin, shop, "customers", "orders")
    tick(admin, shop, "customers", "orders")
    stamp.forget()

    assert Resource.objects.get(name="orders").relations == {
        "customer": {"to": "customers", "columns": {"customer_id": "id"}, "collection": False, "partner": "orders"}
    }
    found = client.get("/api.rsc/customers?$expand=orders($select=note)&$filter=id eq 1").json()["value"]
    assert [row["note"] for row in found[0]["orders"]] == ["first", "second"]
    assert client.get("/api.rsc/orders(12)/customer").json()["name"] == "Ben"


def test_relations_hold_whatever_the_case_of_a_statement(fresh: None, tmp_path: Path) -> None:
    shop = replicate_shop(tmp_path, "REPLICATE [customers] [CUSTOMERS]", "REPLICATE [orders] [Orders]")
    admin = person("admin")
    created(admin, shop)

    tick(admin, shop, "customers", "orders")

    assert list(Resource.objects.get(name="orders").relations) == ["customer"]


def test_passwords_are_reset_with_an_overlap_revealed_and_revoked(shop: Replicated) -> None:
    admin, base = person("admin"), f"/console/external-objects/{shop.destination.pk}"
    old = created(admin, shop)

    new = password_of(admin.post(f"{base}/reset", {"overlap": "1"}, follow=True).content.decode())
    both = [basic("external_warehouse", text).get("/api.rsc/").status_code for text in (old, new)]
    service = ExternalService.objects.get()
    first, second = service.user.authtokens.order_by("pk")
    revealed = password_of(admin.post(f"{base}/reveal/{first.pk}", follow=True).content.decode())
    admin.post(f"{base}/revoke", {"token": second.pk})
    stamp.forget()

    after = [basic("external_warehouse", text).get("/api.rsc/").status_code for text in (old, new)]
    assert (both, after, revealed) == ([200, 200], [200, 401], old)
    assert first.expires is not None


def test_a_reset_without_overlap_ends_the_old_password(shop: Replicated) -> None:
    admin, base = person("admin"), f"/console/external-objects/{shop.destination.pk}"
    old = created(admin, shop)

    new = password_of(admin.post(f"{base}/reset", {"overlap": "0"}, follow=True).content.decode())
    stamp.forget()

    assert [basic("external_warehouse", text).get("/api.rsc/").status_code for text in (old, new)] == [401, 200]


def test_passwords_of_others_are_not_given_away_and_operators_are_refused(shop: Replicated) -> None:
    admin, base = person("admin"), f"/console/external-objects/{shop.destination.pk}"
    created(admin, shop)
    other = User.objects.create_user("other", privileges=["GET"])
    generate(other, now=timezone.now())

    token = other.authtokens.get().pk
    answers = [admin.post(f"{base}/reveal/{token}").status_code, admin.post(f"{base}/revoke", {"token": token}).status_code]
    operator = person("operator")

    assert answers == [404, 404]
    assert [operator.get(base).status_code, operator.post(f"{base}/reset").status_code] == [403, 403]


def test_the_panel_of_salesforce_has_every_field_of_an_external_data_source(shop: Replicated) -> None:
    admin = person("admin")
    password = created(admin, shop)

    page = admin.post(f"/console/external-objects/{shop.destination.pk}/reset", follow=True).content.decode()

    fields = dict(re.findall(r'<label for="salesforce-\d+">([^<]*)</label>.*?value="([^"]*)"', page))
    assert fields["Type"] == "Salesforce Connect: OData 4.0"
    assert (fields["URL"], fields["Format"]) == ("http://testserver/api.rsc/", "JSON")
    assert (fields["Identity Type"], fields["Authentication Protocol"]) == ("Named Principal", "Password Authentication")
    assert (fields["Username"], fields["Password"] != password) == ("external_warehouse", True)
    assert fields["Password"] == password_of(page)


def test_connections_that_are_no_destination_have_no_page(shop: Replicated) -> None:
    shop.source.connector = "files"
    shop.source.save()

    assert person("admin").get(f"/console/external-objects/{shop.source.pk}").status_code == 404


def test_the_list_shows_each_destination(shop: Replicated) -> None:
    admin = person("admin")
    created(admin, shop)

    page = admin.get("/console/external-objects/").content.decode()

    assert ("warehouse" in page, "external_<wbr>warehouse" in page, "Not set up" in page) == (True, True, True)
