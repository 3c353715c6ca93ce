"""This server as the source of an OData connection: what goes down gives the rows that SQL's logic gives, whatever the values are."""

from __future__ import annotations

import random
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from connections.connectors.odata.connector import ODataConnector
from connections.connectors.odata.session import ODataSession
from connections.contract.context import Call, Context
from connections.contract.errors import AuthenticationFailed, SourceRejected
from connections.contract.scan import AllOf, AnyOf, Compare, Grade, Not, Order, Predicate, Scan
from connections.contract.table import TableRef
from tests.connectors.agreement import check_agreement
from tests.contract.small import EVERY, TOKEN
from tests.served import Served, publish

QUOTE = "'"
REF = TableRef("", "things")
TEXTS = [
    "",
    "a",
    "A",
    "b%_",
    "o'clock",
    "x' or 1 eq 1 or '",
    "&$top=1",
    "#",
    "+",
    "日本語",
    "😀",
    "a/b?c=d",
    "%27",
    "\\",
    "null",
    "(",
    "é",
    None,
]


def database(path: Path) -> dict[str, Any]:
    """Fill a table with what is hard to compare."""
    chance = random.Random(7)
    with closing(sqlite3.connect(path)) as link:
        link.execute(
            "CREATE TABLE things (id INTEGER PRIMARY KEY, word TEXT, amount NUMERIC(18,4), n INTEGER, day DATE, at TIMESTAMP, flag BOOLEAN,"
            " ratio DOUBLE, guid UUID, must INTEGER NOT NULL)"
        )
        for number in range(1, 121):
            maybe = lambda value: None if chance.random() < 0.2 else value  # noqa: E731
            day = date(2026, 1, 1) + timedelta(chance.randrange(5))
            moment = datetime(2026, 1, 1, chance.randrange(4), 30, 0, chance.choice([0, 1, 250_000])).isoformat(sep=" ")
            row = (
                number,
                chance.choice(TEXTS),
                maybe(chance.choice(["1.5", "-2.25", "0", "12345678901.1234"])),
                maybe(chance.randrange(-3, 4)),
                maybe(day.isoformat()),
                maybe(moment),
                maybe(chance.randrange(2)),
                maybe(chance.choice([0.1, 1e300, -2.5])),
                maybe(str(uuid.UUID(int=chance.randrange(3)))),
                chance.randrange(3),
            )
            link.execute(f"INSERT INTO things VALUES ({', '.join('?' * 10)})", row)
        link.execute("CREATE TABLE parts (id INTEGER PRIMARY KEY, thing INTEGER REFERENCES things(id), name VARCHAR(20))")
        link.commit()
    return {"connector": "sqlite", "properties": {"Database": str(path)}}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("upstream")
    server = publish(
        {
            "server": {"page_size": 50, "max_page_size": 500},
            "connections": {"shop": database(folder / "shop.db")},
            "resources": {name: {"connection": "shop", "table": name, "methods": EVERY} for name in ("things", "parts")},
            "users": {"flow": {"role": "query", "privileges": EVERY, "authtoken": TOKEN}},
        },
        folder / "data",
    )
    yield server
    assert server.stop() == 0


@pytest.fixture
def calls() -> list[Call]:
    return []


def connect(served: Served, calls: list[Call], **values: Any) -> ODataSession:
    port = served.base.rpartition(":")[2]
    given = {
        "AuthScheme": "Header",
        "APIKeyName": "x-cdata-authtoken",
        "APIKey": TOKEN,
        "CaseSensitive": True,
        "TextOrder": "Binary",
        **values,
    }
    return ODataConnector().open(
        {"URL": f"{served.base}/api.rsc/", **given}, context=Context(outgoing=(f"127.0.0.1:{port}",), heard=calls.append)
    )


def scan(session: ODataSession, *where: Predicate, **more: Any) -> Scan:
    table = session.describe([REF])[0]
    return Scan(table, tuple(column.name for column in table.columns), where, **more)


def read(session: ODataSession, asked: Scan) -> list[tuple[Any, ...]]:
    return [row for batch in session.read(session.offer(asked)) for row in batch.rows]


def test_tables_columns_keys_relations_and_rights_come_from_the_metadata(served: Served, calls: list[Call]) -> None:
    session = connect(served, calls)

    assert [item.ref.name for item in session.list_tables()] == ["parts", "things"]
    things, parts = session.describe([REF, TableRef("", "parts")])
    assert {column.name: column.type.value for column in things.columns} == {
        "id": "Int64",
        "word": "String",
        "amount": "Decimal",
        "n": "Int64",
        "day": "Date",
        "at": "DateTimeOffset",
        "flag": "Boolean",
        "ratio": "Double",
        "guid": "Guid",
        "must": "Int64",
    }
    assert (things.primary_key, things.by_name["must"].is_nullable, things.writes) == (("id",), False, {"insert", "update", "delete"})
    assert (things.by_name["amount"].precision, things.by_name["amount"].scale) == (18, 4)
    assert [(key.columns, key.target_table, key.target_columns) for key in parts.foreign_keys] == [(("thing",), "things", ("id",))]
    assert len(calls) == 1


# ---- the reference: SQL's three-valued logic in Python ----

TESTS = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "in": lambda a, b: a in b,
    "contains": lambda a, b: b in a,
    "startswith": lambda a, b: a.startswith(b),
    "endswith": lambda a, b: a.endswith(b),
}


def truth(item: Predicate, row: dict[str, Any]) -> bool | None:
    if isinstance(item, Compare):
        value = row[item.column]
        if item.operator in ("is_null", "is_not_null"):
            return (value is None) == (item.operator == "is_null")
        return None if value is None else TESTS[item.operator](value, item.value)
    if isinstance(item, Not):
        inner = truth(item.item, row)
        return None if inner is None else not inner
    assert isinstance(item, AllOf | AnyOf)
    found = [truth(part, row) for part in item.items]
    decisive = isinstance(item, AnyOf)
    return decisive if decisive in found else None if None in found else not decisive


VALUES: dict[str, list[Any]] = {
    "id": [1, 60, 200],
    "word": [text for text in TEXTS if text is not None] + ["zz"],
    "amount": [Decimal("1.5"), Decimal("-2.25"), Decimal("12345678901.1234"), Decimal("1E+3")],
    "n": [-3, 0, 2],
    "day": [date(2026, 1, 2), date(2026, 1, 9)],
    "at": [datetime(2026, 1, 1, 1, 30, tzinfo=UTC), datetime(2026, 1, 1, 2, 30, 0, 1, tzinfo=UTC)],
    "flag": [True, False],
    "ratio": [0.1, 1e300, 0.0],
    "guid": [uuid.UUID(int=1), uuid.UUID(int=9)],
    "must": [0, 1],
}


def predicate(chance: random.Random, depth: int = 0) -> Predicate:
    kind = chance.random()
    if depth < 2 and kind < 0.3:
        items = tuple(predicate(chance, depth + 1) for _ in range(chance.randrange(1, 4)))
        return (AllOf if chance.random() < 0.5 else AnyOf)(items)
    if depth < 2 and kind < 0.4:
        return Not(predicate(chance, depth + 1))
    column = chance.choice(list(VALUES))
    operators = ["eq", "ne", "is_null", "is_not_null", "in"]
    operators += [] if column in ("flag", "guid") else ["lt", "le", "gt", "ge"]
    operators += ["contains", "startswith", "endswith"] if column == "word" else []
    operator = chance.choice(operators)
    value: Any = chance.choice(VALUES[column])
    return Compare(column, operator, tuple(chance.sample(VALUES[column], 2)) if operator == "in" else value)


@pytest.mark.parametrize("rules", [{}, {"CaseSensitive": False, "TextOrder": "Unknown"}])
def test_what_goes_down_gives_the_rows_of_sql(served: Served, calls: list[Call], rules: dict[str, Any]) -> None:
    session, plain = connect(served, calls, **rules), connect(served, calls, Pushdown=False)
    every = read(plain, scan(plain))
    names = scan(session).columns
    chance, graded = random.Random(11), dict.fromkeys(Grade, 0)
    assert len(every) == 120

    for _ in range(80):
        item = predicate(chance)
        asked = scan(session, item)
        offer = session.offer(asked)
        found = {row[0] for batch in session.read(offer) for row in batch.rows}
        wanted = {row[0] for row in every if truth(item, dict(zip(names, row, strict=True)))}
        graded[offer.grades[0]] += 1
        if offer.grades[0] == Grade.EXACT:
            assert found == wanted, offer.explain
            assert session.count(session.offer(scan(session, item, wants_count=True))) == len(wanted)
        else:
            assert found >= wanted, offer.explain
    assert min(graded.values()) > 0


@pytest.mark.parametrize("text", [text for text in TEXTS if text] + ["'); drop--", "a\nb", "a\u2028b", "'", "''", "%", "a and b"])
def test_text_never_changes_the_question(served: Served, calls: list[Call], text: str) -> None:
    session = connect(served, calls)
    every = read(session, scan(session))

    found = read(session, scan(session, Compare("word", "eq", text)))

    assert [row[0] for row in found] == [row[0] for row in every if row[1] == text]
    sent = parse_qsl(calls[-1].address.partition("?")[2], keep_blank_values=True, strict_parsing=True)
    assert sent == [("$filter", f"word eq '{text.replace(QUOTE, QUOTE * 2)}'")]


@pytest.mark.parametrize(
    ("order", "is_taken"),
    [
        ((Order("id", True),), True),
        ((Order("must"),), True),
        ((Order("must", True), Order("id", True)), True),
        ((Order("n"),), False),
        ((Order("guid"),), False),
    ],
)
def test_order_goes_down_where_it_is_the_same(served: Served, calls: list[Call], order: tuple[Order, ...], is_taken: bool) -> None:
    session = connect(served, calls)
    asked = scan(session, order=order, limit=7, offset=3)
    offer = session.offer(asked)
    every = read(session, scan(session))
    place = {name: index for index, name in enumerate(asked.columns)}

    assert (offer.takes_order, offer.takes_limit) == (is_taken, is_taken)
    if is_taken:
        for item in reversed((*order, Order("id")) if all(i.column != "id" for i in order) else order):
            every.sort(key=lambda row, item=item: row[place[item.column]], reverse=item.is_descending)  # type: ignore[misc]
        assert read(session, asked) == every[3:10]


def test_least_calls(served: Served, calls: list[Call]) -> None:
    session = connect(served, calls)
    one, five, whole = scan(session, Compare("id", "eq", 7)), scan(session, limit=5, order=(Order("id"),)), scan(session)
    calls.clear()

    counts = []
    for asked in (one, five, whole):
        read(session, asked)
        counts.append(len(calls))
        calls.clear()
    session.count(session.offer(scan(session, wants_count=True)))

    # Our own server gives as many rows a page as Prefer asks for, up to its max_page_size.
    assert (counts, len(calls)) == ([1, 1, 1], 1)


def test_only_wanted_columns_are_asked_for(served: Served, calls: list[Call]) -> None:
    session = connect(served, calls)
    table = session.describe([REF])[0]

    rows = [row for batch in session.read(session.offer(Scan(table, ("n", "word"), limit=1))) for row in batch.rows]

    assert len(rows[0]) == 2
    assert calls[-1].address.endswith("/things?$select=n,word,id&$top=1")


def test_pages_are_followed_to_the_end(served: Served, calls: list[Call]) -> None:
    session = connect(served, calls, PageSize=50)
    asked = scan(session)
    calls.clear()

    batches = list(session.read(session.offer(asked)))
    again = [row[0] for batch in session.read(session.offer(asked), resume=batches[0].resume) for row in batch.rows]

    assert [len(batch.rows) for batch in batches] == [50, 50, 20]
    assert [batch.resume is None for batch in batches] == [False, False, True]
    assert (again, len(calls)) == (list(range(51, 121)), 5)


def test_rows_are_created_changed_and_deleted(served: Served, calls: list[Call]) -> None:
    session = connect(served, calls)
    table = session.describe([REF])[0]
    values = {
        "id": 500,
        "word": 'o\'clock & "more" 😀',
        "amount": Decimal("12345678901234.1234"),
        "day": date(2026, 2, 3),
        "at": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        "flag": True,
        "ratio": 0.1,
        "guid": uuid.UUID(int=77),
        "must": 2**40,
    }

    made = session.insert(table, {**values, "amount": Decimal("1.5")}, idempotency="one")
    changed = session.update(table, {"id": 500}, {"word": None, "n": -5}, idempotency="two")
    row = dict(zip(scan(session).columns, read(session, scan(session, Compare("id", "eq", 500)))[0], strict=True))

    assert made == {**values, "amount": Decimal("1.5"), "n": None}
    assert changed is not None
    assert row == {**made, "word": None, "n": -5}
    assert session.update(table, {"id": 501}, {"n": 1}, idempotency="three") is None
    assert read(session, scan(session, Compare("id", "eq", 501))) == []
    assert [session.delete(table, {"id": 500}, idempotency="four"), session.delete(table, {"id": 500}, idempotency="five")] == [True, False]


def test_refusals_are_told_in_the_services_words(served: Served, calls: list[Call]) -> None:
    session = connect(served, calls)
    table = session.describe([REF])[0]

    with pytest.raises(SourceRejected, match=r"127\.0\.0\.1 answered 400"):
        session.insert(table, {"id": 900, "must": None}, idempotency="x")
    with pytest.raises(AuthenticationFailed) as told:
        connect(served, calls, APIKey="wrong-key-0123456789abcdef").list_tables()
    assert "wrong-key" not in f"{told.value.message}{told.value.hint}{calls}"
    with pytest.raises(SourceRejected, match="read-only"):
        port = served.base.rpartition(":")[2]
        values = {"URL": f"{served.base}/api.rsc", "AuthScheme": "Header", "APIKeyName": "x-cdata-authtoken", "APIKey": TOKEN}
        ODataConnector().open(values, read_only=True, context=Context(outgoing=(f"127.0.0.1:{port}",))).delete(
            table, {"id": 1}, idempotency=""
        )


def test_steps(served: Served) -> None:
    port = served.base.rpartition(":")[2]
    values = {"URL": f"{served.base}/api.rsc/", "AuthScheme": "Bearer", "AccessToken": TOKEN}

    told = ODataConnector().test(values, context=Context(outgoing=(f"127.0.0.1:{port}",)))
    refused = ODataConnector().test(values)

    assert [(step.name, step.ok, step.message) for step in told] == [
        ("sign_in", True, "Signed in"),
        ("list_tables", True, "2 tables and views can be read"),
    ]
    assert [(step.name, step.ok) for step in refused] == [("sign_in", False)]
    assert "outgoing.allow" in refused[0].hint


def test_the_engine_gives_the_same_rows_whatever_goes_down(served: Served, calls: list[Call]) -> None:
    shares = check_agreement(connect(served, calls), REF, examples=8)

    assert any(0 < share < 1 for share in shares)
