"""The page Tables derived: what an OpenAPI document gave, probes, corrections."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.test import Client

from apiserver.server import options
from connections.models import Connection
from connections.services import SESSIONS, save_connection
from tests.connectors.openapi.service import Pets
from tests.fakes.upstream import Upstream


@pytest.fixture
def silent(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pets]:
    with Upstream() as running:
        now = options.current()
        reached = dataclasses.replace(now, outgoing={**now.outgoing, "allow": list(running.allow)})
        monkeypatch.setattr(options, "current", lambda: reached)
        yield Pets(running, silent=True)
        SESSIONS.close()


@pytest.fixture
def connection(db: None, silent: Pets) -> Connection:
    return save_connection(name="pets", connector="openapi", values={"Document": json.dumps(silent.document())})


def page(connection: Connection, query: str = "") -> str:
    return f"/console/connections/{connection.pk}/derived{query}"


def overlay(connection: Connection) -> str:
    return str(Connection.objects.get(pk=connection.pk).properties.get("Overlay", ""))


def test_the_list_shows_what_was_derived(as_admin: Client, connection: Connection) -> None:
    shown = as_admin.get(page(connection)).content.decode()

    assert all(text in shown for text in ("OffsetPets", "/offset_pets", "not whole", "9 tables", "insert"))


def test_the_list_can_be_cut_to_a_name(as_admin: Client, connection: Connection) -> None:
    shown = as_admin.get(page(connection, "?q=made&only=1")).content.decode()

    assert ("MadePets" in shown, "OffsetPets" in shown) == (True, False)


def test_a_table_shows_its_decisions_and_columns(as_admin: Client, connection: Connection) -> None:
    shown = as_admin.get(page(connection, "?table=OffsetPets")).content.decode()

    assert all(text in shown for text in ("the document says nothing about pages", "Id is called like a key", "? guess", "New name of Id"))


def test_a_probe_settles_the_paging(as_admin: Client, connection: Connection) -> None:
    shown = as_admin.post(page(connection, "?table=OffsetPets"), {"probe": "1"}, follow=True).content.decode()

    assert "Page two was read by offset" in shown
    assert "set by the overlay" in shown
    assert overlay(connection) == "tables:\n  OffsetPets:\n    paging:\n      type: offset\n      param: offset\n      start: 0\n"


def test_the_form_corrects_a_table(as_admin: Client, connection: Connection) -> None:
    given = {"rename": "Animals", "key": "Id", "paging": "page", "param": "page", "name-1": "Title", "size": "limit", "most": "5"}

    answer = as_admin.post(page(connection, "?table=PagePets"), given)

    assert answer.status_code == 302
    shown = as_admin.get(page(connection, "?table=Animals")).content.decode()
    assert all(text in shown for text in ("Animals", "Title", 'value="limit"'))
    assert "rename: Title" in overlay(connection)
    as_admin.post(page(connection, "?table=Animals"), {**given, "rename": "", "name-1": "Label"})
    assert "rename: Label" in overlay(connection)
    assert "Animals" not in overlay(connection)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"paging": "cursor"}, "This kind of paging needs it."),
        ({"key": "Nothing"}, "there is no column Nothing"),
        ({"paging": "odd"}, "Select a valid choice"),
        ({"paging": "page", "param": "page", "start": "7"}, "less than or equal to 1"),
    ],
)
def test_wrong_corrections_are_refused_in_place(as_admin: Client, connection: Connection, given: dict[str, str], says: str) -> None:
    answer = as_admin.post(page(connection, "?table=PagePets"), given)

    assert (answer.status_code, says in answer.content.decode()) == (422, True)
    assert overlay(connection) == ""


def test_a_table_can_be_left_out(as_admin: Client, connection: Connection) -> None:
    as_admin.post(page(connection, "?table=PagePets"), {"hide": "on"})

    assert as_admin.get(page(connection, "?q=PagePets")).content.decode().count("page_pets") == 0


def test_a_table_that_was_left_out_comes_back_with_its_corrections(as_admin: Client, connection: Connection) -> None:
    as_admin.post(page(connection, "?table=PagePets"), {"hide": "on", "rename": "Animals"})
    hidden = as_admin.get(page(connection)).content.decode()

    refused = as_admin.post(page(connection), {"restore": "Nothing"})
    shown = as_admin.post(page(connection), {"restore": "PagePets"}, follow=True).content.decode()

    assert ('value="PagePets"' in hidden, "page_pets" in hidden, refused.status_code) == (True, False, 200)
    assert ("Left out" in shown, "?table=Animals" in shown) == (False, True)
    assert ("rename: Animals" in overlay(connection), "hide" in overlay(connection)) == (True, False)


def test_a_column_that_was_left_out_comes_back(as_admin: Client, connection: Connection) -> None:
    target = page(connection, "?table=PagePets")
    as_admin.post(target, {"rename": "Animals", "drop-1": "1", "name-0": "Number"})
    changed = page(connection, "?table=Animals")
    dropped = overlay(connection)
    hidden = as_admin.get(changed).content.decode()

    as_admin.post(changed, {"restore_column": "Nothing", "rename": "Animals"})
    unchanged = overlay(connection)
    shown = as_admin.post(changed, {"restore_column": "Name"}, follow=True).content.decode()

    assert ("Name: null" in dropped, 'value="Name"' in hidden, unchanged == dropped) == (True, True, True)
    assert ("Columns left out" in shown, 'class="name">Name<' in shown) == (False, True)
    assert ("Name: null" in overlay(connection), "rename: Number" in overlay(connection)) == (False, True)


def test_a_probe_that_fails_is_told(as_admin: Client, connection: Connection, silent: Pets) -> None:
    silent.upstream.routes.clear()

    shown = as_admin.post(page(connection, "?table=PagePets"), {"probe": "1"}).content.decode()

    assert 'role="alert"' in shown


@pytest.mark.parametrize(("person", "status"), [("as_operator", 200), ("as_reader", 302)])
def test_the_page_opens_by_role(person: str, status: int, request: pytest.FixtureRequest, connection: Connection) -> None:
    assert request.getfixturevalue(person).get(page(connection)).status_code == status


def test_other_connections_have_no_such_page(as_admin: Client, db: None, tmp_path: object) -> None:
    other = Connection.objects.create(name="other", connector="sqlite", properties={})

    assert as_admin.get(page(other)).status_code == 404


def test_check_connector_probes_what_is_open(connection: Connection, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("check_connector", "pets", "--json")

    told = json.loads(capsys.readouterr().out)
    probes = {step["name"]: step["message"] for step in told["steps"] if step["name"].startswith("probe ")}
    assert ended.value.code == 0
    assert list(probes) == ["probe PagePets", "probe ZeroPets", "probe OffsetPets", "probe CursorPets", "probe LinkPets"]
    assert all(text.startswith("Page two was read") for text in probes.values())
    assert overlay(connection) == ""


def test_check_connector_agrees_with_a_document_that_tells(silent: Pets, capsys: pytest.CaptureFixture[str]) -> None:
    silent.silent = False
    overlay_text = "tables: {WholePets: {paging: {type: none}}, MadePets: {paging: {type: none}}}"
    save_connection(name="told", connector="openapi", values={"Document": json.dumps(silent.document()), "Overlay": overlay_text})

    with pytest.raises(SystemExit) as ended:
        call_command("check_connector", "told", "--json")

    told = json.loads(capsys.readouterr().out)
    assert [item for item in (*told["steps"], *told["tables"]) if not item["ok"]] == []
    assert {item["table"] for item in told["tables"] if item["step"] == "pushdown"} == {"MadePets"}
    assert ended.value.code == 0
