"""Tables with text keys go on behind the last committed row, in the source's own order, whatever its collation and the destination's."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from apiserver.jobs import moving_full, moving_reading
from apiserver.jobs.moving_order import Cancelled
from tests.jobs.moves import Counting, Pair, pair

pytestmark = pytest.mark.django_db
STATEMENT = "REPLICATE [parts] WITH IncrementalCheckColumns='changed'"
# What collations sort otherwise than code points do: case, accents, marks, blanks, Japanese, what lies beyond 16 bits.
WORDS = "a A b B z Z ä Ä é e_ e- e. 10 9 2 あ ア 漢 字 \U0001f600 ß ss o'x x%y x\\y"
COUNT = 400


def codes() -> list[str]:
    dice = random.Random(5)
    words = WORDS.split()
    found: dict[str, str] = {}  # told apart by every collation
    while len(found) < COUNT:
        code = "".join(dice.choice(words) for _ in range(4)) + str(len(found))
        found.setdefault(code.casefold(), code)
    return list(found.values())


COLUMNS = {
    "postgresql": ['varchar(40) COLLATE "und-x-icu"', "text"],
    "mysql": ["varchar(40) COLLATE utf8mb4_general_ci", "varchar(40) COLLATE utf8mb4_bin"],
    "sqlite": ["varchar(40) COLLATE NOCASE", "text"],
}
CASES = [(kind, place) for kind in COLUMNS for place in (0, 1)]


def made(ends: Pair, kind: str) -> None:
    ends.source.create("parts", {"code": kind, "kind": "integer", "changed": "integer"}, "PRIMARY KEY (code, kind)")
    ends.source.insert("parts", [(code, number % 2, number) for number, code in enumerate(codes())])


@pytest.mark.parametrize(("kind", "place"), CASES)
def test_a_load_goes_on_behind_a_text_key(
    kind: str, place: int, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving_reading, "PAGE", 25)
    ends = pair(request, tmp_path, kind, "sqlite" if kind != "sqlite" else "mysql", "texts")
    made(ends, COLUMNS[kind][place])
    stops = 0
    watch = Counting(stops_after=4)
    while stops < 20:
        try:
            ends.move(STATEMENT, watch, batch_rows=50, overlap_seconds=0)
            break
        except Cancelled:
            stops += 1
            watch = Counting(stops_after=4)

    assert stops >= 3
    ends.same("parts")


@pytest.mark.parametrize(("kind", "place"), [case for case in CASES if case[0] != "mysql"])
def test_parts_of_the_fast_way_end_where_the_source_says(
    kind: str, place: int, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving_full, "PIECE", 90)
    ends = pair(request, tmp_path, kind, "postgresql", "fast")
    made(ends, COLUMNS[kind][place])
    with pytest.raises(Cancelled):
        ends.move(STATEMENT, Counting(stops_after=2))
    watch = Counting()

    moved = ends.move(STATEMENT, watch, overlap_seconds=0)

    assert any("Goes on behind" in line for line in watch.lines)
    assert moved.rows_read < COUNT + 20
    ends.same("parts")


@pytest.mark.parametrize("kind", ["char(40)", "citext"])
def test_texts_that_compare_otherwise_than_they_sort_are_no_place(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving_reading, "PAGE", 25)
    ends = pair(request, tmp_path, "postgresql", "sqlite", "blank")
    if kind == "citext":
        ends.source.run("CREATE EXTENSION IF NOT EXISTS citext")
    made(ends, kind)
    with pytest.raises(Cancelled):
        ends.move(STATEMENT, Counting(stops_after=4), batch_rows=50)
    watch = Counting()

    ends.move(STATEMENT, watch)

    assert not any("Goes on behind" in line for line in watch.lines)
    ends.same("parts", columns=["kind", "changed"])
