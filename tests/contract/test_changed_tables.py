"""Tables dropped, renamed or changed after they were published: each request is told so by name, never with a 500."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from tests import databases
from tests.contract.small import EVERY, HEADERS, TOKEN
from tests.databases import KINDS, Database
from tests.served import Served, publish

DOCUMENTS = ("", "$metadata", "$metadata?$format=json", "$oas", "$openapi?version=3.1")
TABLES = ("gone", "moved", "shorter", "wider", "narrower", "strict", "keyless", "retyped", "retimed", "below", "child")
KEY = "parent integer, day date, PRIMARY KEY (id)"
NEW = {"id": 9, "name": "new", "amount": 1, "parent": None, "day": "2026-02-03"}


@dataclass(frozen=True)
class Source:
    """A served database whose tables changed since."""

    served: Served
    kind: str
    database: Database
    documents: dict[str, bytes]

    def ask(self, path: str, method: str = "GET", body: Any = None) -> tuple[int, dict[str, Any]]:
        status, _, text = self.served.get(f"/api.rsc/{self.kind}_{path.replace('KIND', self.kind)}", HEADERS, method, body)
        return status, json.loads(text) if text.startswith(b"{") else {}


def fill(database: Database) -> None:
    """Make tables, a view over one of them, rows."""
    for table in TABLES:
        parent = ", FOREIGN KEY (parent) REFERENCES gone (id)" if table == "child" else ""
        columns = "id integer NOT NULL, name varchar(20), amount integer, parent integer, day date, PRIMARY KEY (id)"
        database.run(f"CREATE TABLE {table} ({columns}{parent})")
        database.run(f"INSERT INTO {table} VALUES (1, 'one', 10, 1, '2026-01-01'), (2, 'two', 20, 1, '2026-01-02')")
    database.run("CREATE VIEW above AS SELECT id, name, amount FROM below")


def rebuilt(table: str, columns: str) -> list[str]:
    """Return the statements with which SQLite changes a table."""
    return [
        f"ALTER TABLE {table} RENAME TO old_table",
        f"CREATE TABLE {table} ({columns})",
        f"INSERT INTO {table} SELECT * FROM old_table",
        "DROP TABLE old_table",
    ]


ALTERED = {
    "postgresql": [
        "ALTER TABLE wider ALTER amount TYPE bigint, ALTER name TYPE varchar(200)",
        "ALTER TABLE narrower ALTER amount TYPE smallint, ALTER name TYPE varchar(4)",
        "ALTER TABLE strict ALTER amount SET NOT NULL",
        "ALTER TABLE keyless DROP CONSTRAINT keyless_pkey",
        "ALTER TABLE retyped ALTER amount TYPE varchar(10)",
        "ALTER TABLE retimed ALTER day TYPE timestamp",
        "DROP TABLE gone CASCADE",
        "DROP TABLE below CASCADE",
    ],
    "mysql": [
        "ALTER TABLE wider MODIFY amount bigint, MODIFY name varchar(200)",
        "ALTER TABLE narrower MODIFY amount smallint, MODIFY name varchar(4)",
        "ALTER TABLE strict MODIFY amount integer NOT NULL",
        "ALTER TABLE keyless DROP PRIMARY KEY",
        "ALTER TABLE retyped MODIFY amount varchar(10)",
        "ALTER TABLE retimed MODIFY day datetime",
        "ALTER TABLE child DROP FOREIGN KEY child_ibfk_1",
        "DROP TABLE gone",
        "DROP TABLE below",
    ],
    "sqlite": [
        "PRAGMA foreign_keys=OFF",
        *rebuilt("wider", f"id integer, name varchar(200), amount bigint, {KEY}"),
        *rebuilt("narrower", f"id integer, name varchar(4) CHECK (length(name) < 5), amount smallint, {KEY}"),
        *rebuilt("strict", f"id integer, name varchar(20), amount integer NOT NULL, {KEY}"),
        *rebuilt("keyless", "id integer, name varchar(20), amount integer, parent integer, day date"),
        *rebuilt("retyped", f"id integer, name varchar(20), amount varchar(10), {KEY}"),
        "DROP TABLE gone",
        "DROP TABLE below",
    ],
}


def change(database: Database) -> None:
    """Change what was published, and put in what only the new shape holds."""
    statements = [
        "ALTER TABLE moved RENAME TO elsewhere",
        "ALTER TABLE shorter DROP COLUMN amount",
        *ALTERED[database.kind],
        "UPDATE retyped SET amount = 'ten'",
        "UPDATE retimed SET day = '2026-01-01 12:30:00'",
        "UPDATE wider SET amount = 9000000000",
        "INSERT INTO keyless VALUES (1, 'again', 30, 1, '2026-01-03')",
    ]
    with closing(database.connect()) as link:
        for statement in statements:
            link.cursor().execute(statement)
            link.commit()


def configuration(sources: dict[str, Database]) -> dict[str, Any]:
    found: dict[str, Any] = {"connections": {}, "resources": {}}
    for kind, database in sources.items():
        found["connections"][kind] = database.connection
        for table in (*TABLES, "above"):
            found["resources"][f"{kind}_{table}"] = {"connection": kind, "table": table}
        found["resources"][f"{kind}_derived"] = {"connection": kind, "sql": "SELECT id, name, amount FROM below", "key": ["id"]}
    return found | {"users": {"flow": {"role": "query", "privileges": EVERY, "authtoken": TOKEN}}}


@pytest.fixture(scope="module")
def changed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Source]]:
    folder = tmp_path_factory.mktemp("changed")
    found = {kind: databases.make(kind, "changed", request, folder) for kind in KINDS}
    for database in found.values():
        fill(database)
    served = publish(configuration(found), folder / "data")
    documents = {path: served.get(f"/api.rsc/{path}", HEADERS)[2] for path in DOCUMENTS}
    before = [served.get(f"/api.rsc/{kind}_{table}", HEADERS)[0] for kind in KINDS for table in (*TABLES, "above", "derived")]
    assert set(before) == {200}
    for database in found.values():
        change(database)
    yield {kind: Source(served, kind, database, documents) for kind, database in found.items()}
    assert served.stop() == 0


@pytest.fixture(params=KINDS)
def source(request: pytest.FixtureRequest, changed: dict[str, Source]) -> Source:
    return changed[str(request.param)]


READS = ("", "(1)", "/$count", "?$filter=amount%20gt%201", "?$orderby=amount", "?$search=one", "(1)/amount", "(1)/name/$value")
WRITES = (("", "POST", NEW), ("(2)", "PATCH", {"name": "x"}), ("(2)", "PUT", {"name": "x"}), ("(2)", "DELETE", None))


@pytest.mark.parametrize("table", ["gone", "moved", "below"])
@pytest.mark.parametrize(("path", "method", "body"), [*((path, "GET", None) for path in READS), *WRITES])
def test_table_that_is_gone_is_named_to_every_request(source: Source, table: str, path: str, method: str, body: Any) -> None:
    status, told = source.ask(table + path, method, body)

    assert (status, told["error"]["code"]) == (502, "SourceTableGone")
    assert "Refresh the resource" in told["error"]["message"]


@pytest.mark.parametrize("resource", ["above", "derived"])
@pytest.mark.parametrize("path", ["", "/$count", "?$filter=amount%20gt%201", "?$search=one"])
def test_view_whose_table_is_gone_is_named(source: Source, resource: str, path: str) -> None:
    status, told = source.ask(resource + path)

    assert (status, told["error"]["code"]) == (502, "SourceTableGone")


@pytest.mark.parametrize("path", ["child?$expand=KIND_gone", "child(1)/KIND_gone", "child?$filter=KIND_gone/amount%20gt%201"])
def test_relation_to_a_table_that_is_gone_is_named(source: Source, path: str) -> None:
    status, told = source.ask(path)

    assert (status, told["error"]["code"]) == (502, "SourceTableGone")


def test_other_tables_of_the_source_go_on(source: Source) -> None:
    assert source.ask("child")[0] == source.ask("child(1)")[0] == 200


@pytest.mark.parametrize("path", ["", "(1)", "?$filter=amount%20gt%201", "?$orderby=amount", "(1)/amount"])
def test_column_that_is_gone_is_named(source: Source, path: str) -> None:
    status, told = source.ask("shorter" + path)

    assert (status, told["error"]["code"]) == (502, "SourceTableGone")


def test_column_that_is_gone_leaves_the_count(source: Source) -> None:
    assert source.ask("shorter/$count")[0] == 200


def test_wider_column_is_read_and_written(source: Source) -> None:
    _, row = source.ask("wider(1)")
    status, _ = source.ask("wider(2)", "PATCH", {"name": "two again"})

    assert (row["amount"], status) == (9000000000, 204)


def test_value_beyond_a_narrower_column_is_refused(source: Source) -> None:
    status, told = source.ask("narrower(2)", "PATCH", {"name": "a longer name"})

    assert (status, source.ask("narrower(2)")[1]["name"]) == (400, "two")
    assert told["error"]["code"] in ("InvalidValue", "CheckFailed")


def test_value_that_is_required_now_is_asked_for(source: Source) -> None:
    status, told = source.ask("strict", "POST", {**NEW, "amount": None})

    assert (status, told["error"]["code"]) == (400, "ValueRequired")


@pytest.mark.parametrize("path", ["retyped", "retyped(1)", "retyped(1)/amount", "retyped?$orderby=amount"])
def test_value_of_another_type_is_never_shown(source: Source, path: str) -> None:
    status, told = source.ask(path)

    assert (status, told["error"]["code"]) in ((502, "SourceTableGone"), (400, "InvalidValue"))
    assert "amount" in told["error"]["message"]


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
@pytest.mark.parametrize("path", ["retimed", "retimed(1)", "retimed(1)/day"])
def test_date_time_is_never_shown_as_a_date(changed: dict[str, Source], kind: str, path: str) -> None:
    status, told = changed[kind].ask(path)

    assert (status, told["error"]["code"]) == (400, "InvalidValue")
    assert "day" in told["error"]["message"]


def test_rows_with_one_key_are_never_mistaken_for_each_other(source: Source) -> None:
    answers = [source.ask("keyless(1)", method, body) for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None))]
    rows = source.database.run("SELECT name FROM keyless WHERE id = 1 ORDER BY name")

    assert [(status, told["error"]["code"]) for status, told in answers] == [(409, "Conflict")] * 3
    assert "refresh the resource" in answers[0][1]["error"]["message"]
    assert [name for (name,) in rows] == ["again", "one"]


def test_documents_stay_as_published(source: Source) -> None:
    for path, before in source.documents.items():
        assert source.served.get(f"/api.rsc/{path}", HEADERS)[::2] == (200, before)
