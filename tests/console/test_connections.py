from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apiserver.resources.services import publish_tables
from connections import pages
from connections.connectors import registry
from connections.contract.table import TableRef
from connections.models import Connection
from connections.services import save_connection, values_of
from tests.console import NOW

LIST = "/console/connections/"


def post(client: Client, path: str, **values: str) -> str:
    return client.post(path, values, follow=True).content.decode()


def test_list_of_a_stranger_leads_to_sign_in(db: None) -> None:
    answer = Client().get(LIST)

    assert (answer.status_code, answer["Location"]) == (302, f"/console/sign-in?next={LIST}")


@pytest.mark.parametrize(("person", "status"), [("as_admin", 200), ("as_operator", 200), ("as_reader", 302)])
def test_list_opens_by_role(person: str, status: int, request: pytest.FixtureRequest) -> None:
    assert request.getfixturevalue(person).get(LIST).status_code == status


def test_list_shows_connections(as_admin: Client, connection: Connection) -> None:
    page = as_admin.get(LIST).content.decode()

    assert all(text in page for text in ("shop", "SQLite", "Not tested", "Add Connection", 'aria-current="page"'))


def test_gallery_searches_connectors(as_admin: Client) -> None:
    page = as_admin.get(f"{LIST}add?q=postgres").content.decode()

    assert ("PostgreSQL" in page, "add/sqlite" in page) == (True, False)


@pytest.mark.parametrize("key", ["postgresql", "mysql", "sqlite"])
def test_form_grows_from_the_connector(as_admin: Client, key: str) -> None:
    page = as_admin.get(f"{LIST}add/{key}").content.decode()

    assert ("Create & Test" in page, "Save & Test" in page, "<summary>Advanced" in page) == (True, False, True)


def test_create_saves_and_shows_the_steps(as_admin: Client, shop: Path) -> None:
    page = post(as_admin, f"{LIST}add/sqlite", name="shop", labels="a, b", Database=str(shop))

    found = Connection.objects.get()
    assert (found.labels, found.properties, found.last_test["ok"]) == (["a", "b"], {"Database": str(shop)}, True)
    assert all(text in page for text in ("List the tables", "Works", "Save & Test", "Saved. The connection works."))


def test_create_shows_a_failed_step(as_admin: Client, tmp_path: Path) -> None:
    page = post(as_admin, f"{LIST}add/sqlite", name="none", Database=str(tmp_path / "none.db"))

    assert ("Failed" in page, Connection.objects.get().last_test["ok"]) == (True, False)


def test_create_shows_an_invalid_property_at_its_field(as_admin: Client, shop: Path) -> None:
    answer = as_admin.post(f"{LIST}add/sqlite", {"name": "shop", "Database": str(shop), "TimeZone": "Mars/Olympus"})

    assert (answer.status_code, list(answer.context["form"].errors), Connection.objects.count()) == (422, ["TimeZone"], 0)


def test_pasted_address_fills_the_form(as_admin: Client) -> None:
    answer = as_admin.post(f"{LIST}add/postgresql", {"fill": "1", "address": "postgres://ann:s3cret@db.example:5433/sales"})

    page = answer.content.decode()
    assert all(f'value="{text}"' in page for text in ("ann", "s3cret", "db.example", "5433", "sales"))
    assert "no-store" in answer["Cache-Control"]


def test_pasted_address_that_is_none_is_explained(as_admin: Client) -> None:
    answer = as_admin.post(f"{LIST}add/postgresql", {"fill": "1", "address": "gopher://x"})

    assert (answer.status_code, bool(answer.context["failure"])) == (422, True)


def test_edit_keeps_a_secret_left_empty_and_never_shows_it(as_admin: Client, db: None) -> None:
    values = {"Server": "127.0.0.1", "Port": 1, "User": "ann", "Password": "pssst"}
    stored = save_connection(name="pg", connector="postgresql", values=values)

    before = as_admin.get(f"{LIST}{stored.pk}").content.decode()
    page = post(as_admin, f"{LIST}{stored.pk}", name="pg", Server="127.0.0.1", Port="1", User="bob", UseSSL="Off")

    stored.refresh_from_db()
    assert ("pssst" in before + page, values_of(stored)["Password"], values_of(stored)["User"]) == (False, "pssst", "bob")


def test_second_tab_does_not_undo_what_the_first_saved(as_admin: Client, connection: Connection, shop: Path) -> None:
    path, seen = f"{LIST}{connection.pk}", str(connection.version)
    fields = {"name": "shop", "Database": str(shop), "version": seen}
    post(as_admin, path, **fields, labels="first")

    refused = as_admin.post(path, {**fields, "labels": "second"})

    page = refused.content.decode()
    assert (refused.status_code, Connection.objects.get().labels, 'value="second"' in page) == (422, ["first"], True)
    assert "was changed since you opened this page" in page
    again = re.search(r'name="version" value="(\d+)"', page)
    assert again
    post(as_admin, path, **{**fields, "labels": "second", "version": again[1]})
    assert Connection.objects.get().labels == ["second"]


def test_tables_show_escaped_rows(as_admin: Client, connection: Connection) -> None:
    page = as_admin.get(f"{LIST}{connection.pk}/tables?table=Orders").content.decode()

    assert ("Goods" in page, "&lt;b&gt;Aoi" in page, "<b>Aoi" in page) == (True, True, False)


def test_tables_are_kept_to_a_schema(as_admin: Client, connection: Connection) -> None:
    connection.tables = [["sales", "orders", "table", ""], ["hr", "people", "table", ""]]
    connection.tables_read = NOW
    connection.save()

    page = as_admin.get(f"{LIST}{connection.pk}/tables?within=hr").content.decode()

    assert (">people</a>" in page, ">orders</a>" in page, "<option selected>hr</option>" in page) == (True, False, True)


def test_preview_marks_keys_numbers_nulls_and_binary(as_admin: Client, shop: Path, connection: Connection) -> None:
    with sqlite3.connect(shop) as made:
        made.execute("CREATE TABLE Files (Id INTEGER PRIMARY KEY, Body BLOB, Note TEXT)")
        made.execute("INSERT INTO Files VALUES (1, ?, NULL), (2, x'00ff', ?)", (b"\x01" * 20, "x" * 500))

    page = as_admin.get(f"{LIST}{connection.pk}/tables?table=Files").content.decode()

    assert re.search(r'class="number">Id <span class="chip">Key</span><br><span class="type">Int64', page)
    assert f'>{"01" * 16}…</code> <span class="muted">20 bytes' in page
    assert (
        '<td class="number"><div class="cell">1</div></td>' in page,
        '<span class="null">null</span>' in page,
        ">00ff</code>" in page,
    ) == (True, True, True)
    assert (f"{'x' * 120}… " in page, "500 characters" in page, "x" * 121 in page) == (True, True, False)


def test_list_counts_resources_and_sorts(as_admin: Client, connection: Connection, shop: Path) -> None:
    publish_tables(connection, [TableRef("", "Orders"), TableRef("", "Goods")], now=NOW)
    save_connection(name="archive", connector="sqlite", values={"Database": str(shop)})

    page = as_admin.get(f"{LIST}?sort=-used").content.decode()
    by_name = as_admin.get(LIST).content.decode()
    labelled = as_admin.get(f"{LIST}?label=test").content.decode()

    assert ('aria-label="2 resources">2</a>' in page, ">0</td>" in page, 'aria-sort="descending"' in page) == (True, True, True)
    assert (page.index(">shop<") < page.index(">archive<"), by_name.index(">archive<") < by_name.index(">shop<")) == (True, True)
    assert (">shop<" in labelled, ">archive<" in labelled) == (True, False)


def test_list_asks_as_much_for_four_as_for_one(as_admin: Client, connection: Connection, shop: Path) -> None:
    as_admin.get(LIST)
    with CaptureQueriesContext(database) as one:
        as_admin.get(LIST)
    for name in ("b", "c", "d"):
        save_connection(name=name, connector="sqlite", values={"Database": str(shop)})
    as_admin.get(LIST)  # settings are read anew after a change
    with CaptureQueriesContext(database) as four:
        as_admin.get(LIST)

    assert len(four) == len(one)


def test_duplicate_copies_secrets_sealed(as_admin: Client, db: None) -> None:
    stored = save_connection(name="pg", connector="postgresql", values={"Server": "127.0.0.1", "Password": "pssst"}, labels=["a"])

    answer = as_admin.post(f"{LIST}{stored.pk}/duplicate")

    copy = Connection.objects.exclude(pk=stored.pk).get()
    assert (answer["Location"], copy.name, copy.labels, copy.last_test) == (f"{LIST}{copy.pk}", "pg_2", ["a"], None)
    assert (copy.secrets, values_of(copy)["Password"]) == (stored.secrets, "pssst")


def test_rename_of_a_used_connection_says_what_it_means(as_admin: Client, connection: Connection, shop: Path) -> None:
    resource = publish_tables(connection, [TableRef("", "Orders")], now=NOW)[0]

    asked = as_admin.get(f"{LIST}{connection.pk}").content.decode()
    page = post(as_admin, f"{LIST}{connection.pk}", name="market", Database=str(shop))

    resource.refresh_from_db()
    assert ("1 resource uses this connection" in asked, "shop is now called market." in page) == (True, True)
    assert (resource.name, resource.connection.name) == ("Orders", "market")


def test_delete_is_refused_while_a_resource_uses_it(as_admin: Client, connection: Connection) -> None:
    publish_tables(connection, [TableRef("", "Orders")], now=NOW)

    answer = as_admin.post(f"{LIST}{connection.pk}/delete")

    page = answer.content.decode()
    pk = connection.resources.get().pk  # type: ignore[attr-defined]
    assert (answer.status_code, f'<a href="/console/api/{pk}">Orders</a>' in page, Connection.objects.count()) == (409, True, 1)


def test_delete_asks_then_deletes(as_admin: Client, connection: Connection) -> None:
    asked = as_admin.get(f"{LIST}{connection.pk}/delete")

    post(as_admin, f"{LIST}{connection.pk}/delete")

    assert (asked.status_code, Connection.objects.count()) == (200, 0)


@pytest.mark.parametrize(("seconds", "said"), [(0.0002, "< 1 ms"), (0.0124, "12 ms"), (2.345, "2.3 s")])
def test_time_of_a_step_is_short(seconds: float, said: str) -> None:
    assert pages.taken(seconds) == said


@pytest.mark.parametrize(("step", "is_open"), [("tls", True), ("sign_in", False)])
def test_group_that_the_failed_step_speaks_of_stands_open(as_admin: Client, step: str, is_open: bool) -> None:
    failed = {
        "ok": False,
        "at": "2026-01-01T00:00:00+00:00",
        "steps": [{"name": step, "ok": False, "seconds": 0, "message": "", "hint": ""}],
    }
    made = Connection.objects.create(name="pg", connector="postgresql", properties={}, last_test=failed)

    page = as_admin.get(f"{LIST}{made.pk}").content.decode()

    assert ('<details class="card" open><summary>TLS' in page) is is_open


def test_gallery_tells_sources_from_destinations(as_admin: Client) -> None:
    sources = as_admin.get(f"{LIST}add").content.decode()
    destinations = as_admin.get(f"{LIST}add?tab=destinations").content.decode()

    assert all(f'href="{LIST}add/{key}"' in sources for key in ("postgresql", "stripe", "files", "openapi"))
    assert all(f'href="{LIST}add/{key}"' in destinations for key in ("postgresql", "mysql", "sqlite", "duckdb"))
    assert f'href="{LIST}add/stripe"' not in destinations
    assert all('aria-current="page">Sources' in page or 'aria-current="page">Destinations' in page for page in (sources, destinations))


@pytest.mark.parametrize(
    ("query", "key", "is_there"),
    [
        ("category=SaaS", "bitbucket", True),
        ("category=SaaS", "sqlite", False),
        ("q=databases+maria", "mysql", True),
        ("q=saas", "stripe", True),
        ("category=Databases", "duckdb", True),
        ("q=maria&category=Files", "mysql", False),
        ("q=stripe&tab=destinations", "stripe", False),
        ("tab=nowhere&q=files", "files", True),
    ],
)
def test_gallery_is_searched_by_words_kind_and_tab(as_admin: Client, query: str, key: str, is_there: bool) -> None:
    assert (f'href="{LIST}add/{key}"' in as_admin.get(f"{LIST}add?{query}").content.decode()) is is_there


def test_gallery_outlives_an_extension_that_cannot_be_loaded(as_admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = {**registry.paths(), "broken": "tests.nowhere.Connector"}
    monkeypatch.setattr(registry, "paths", lambda: broken)

    page = as_admin.get(f"{LIST}add").content.decode()

    assert ("This extension can't be loaded" in page, f'href="{LIST}add/sqlite"' in page) == (True, True)


def test_manifests_are_for_administrators(as_operator: Client) -> None:
    page = as_operator.get(f"{LIST}add").content.decode()

    assert ("For administrators" in page, f'href="{LIST}add/manifest"' in page) == (True, False)
    assert [as_operator.get(f"{LIST}add/manifest").status_code, as_operator.post(f"{LIST}add/manifest", {"name": "a"}).status_code] == [
        403,
        403,
    ]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("q=sho", {"shop"}),
        ("q=SQLite", {"shop", "archive"}),
        ("q=%E8%B2%A9", {"archive"}),
        ("q=sqlite+crm", {"archive"}),
        ("q=test&label=test", {"shop"}),
        ("q=archive&label=test", set()),
        ("label=crm", {"archive"}),
    ],
)
def test_list_is_searched_by_name_source_and_label(
    as_admin: Client, connection: Connection, shop: Path, query: str, shown: set[str]
) -> None:
    save_connection(name="archive", connector="sqlite", values={"Database": str(shop)}, labels=["crm", "販売"])

    page = as_admin.get(f"{LIST}?{query}").content.decode()

    assert {name for name in ("shop", "archive") if f">{name}<" in page} == shown
    assert ("No connection fits." in page) is not bool(shown)


def test_code_in_help_texts_is_shown_as_code(as_admin: Client) -> None:
    page = as_admin.get(f"{LIST}add/rest").content.decode()

    assert ("<code>Name: value</code>" in page, "`" in page) == (True, False)


def test_files_without_files_say_what_to_do(as_admin: Client, db: None) -> None:
    files = save_connection(name="files", connector="files", values={})

    assert "No file is there yet" in as_admin.get(f"{LIST}{files.pk}/tables").content.decode()
