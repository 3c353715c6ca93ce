"""A database read scan by scan compares text by its characters, whatever its columns' collations are."""

from __future__ import annotations

from pathlib import Path

import pytest

from connections.contract.scan import Compare, Grade, Not, Predicate, Scan
from connections.engine.sql_rows import SqlRows
from tests import databases
from tests.databases import KINDS
from tests.engine.people import opened

WORDS = ["é", "É", "e", "E", "a", "A ", "A", None]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("values", [("É",), ("É", "a"), ("A", "x"), ()])
def test_text_is_one_of_some_by_its_characters(kind: str, values: tuple[str, ...], request: pytest.FixtureRequest, tmp_path: Path) -> None:
    database = databases.make(kind, "sqlrows", request, tmp_path)
    database.create("words", {"id": "integer PRIMARY KEY", "word": f"varchar(10){' COLLATE NOCASE' if kind == 'sqlite' else ''}"})
    database.insert("words", list(enumerate(WORDS)))
    session = opened(database)
    rows = SqlRows(session)
    table = session.describe([next(info.ref for info in session.list_tables())])[0]
    within = Compare("word", "in", values or ("nothing",))

    found = {}
    for name, item in (("in", within), ("not in", Not(within))):
        where: tuple[Predicate, ...] = (item,)
        offer = rows.offer(Scan(table, ("id",), where))
        assert offer.grades == (Grade.EXACT,)
        found[name] = [row[0] for batch in rows.read(offer) for row in batch.rows]
    session.close()

    assert found["in"] == [number for number, word in enumerate(WORDS) if word in values]
    assert found["not in"] == [number for number, word in enumerate(WORDS) if word is not None and word not in values]
