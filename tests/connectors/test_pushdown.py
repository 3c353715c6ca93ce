"""What sources do of a query, and what the engine does of the rest: the same rows either way, in as few calls as can be."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from connections.contract.scan import Grade
from connections.contract.table import Column, ForeignKey, Table, TableRef, Type
from tests.compliance.filter_expressions import make_rows
from tests.connectors.agreement import check_agreement, service_of
from tests.connectors.memory import EVERYTHING, MemorySession, Skill

FACTS = TableRef("", "facts")
TABLE = Table(
    FACTS,
    columns=(
        Column("id", Type.INT32, is_nullable=False),
        Column("small", Type.INT16),
        Column("big", Type.INT64),
        Column("price", Type.DECIMAL, precision=12, scale=2),
        Column("score", Type.DOUBLE),
        Column("name", Type.STRING, is_nullable=False),
        Column("note", Type.STRING),
        Column("flag", Type.BOOLEAN),
        Column("born", Type.DATE),
        Column("wakes", Type.TIME),
        Column("seen", Type.TIMESTAMP),
        Column("mark", Type.GUID),
        Column("lasts", Type.DURATION),
    ),
    primary_key=("id",),
)
ROWS = [row | {"mark": UUID(int=row["id"] % 7), "lasts": dt.timedelta(seconds=row["id"] % 5)} for row in make_rows()]
COMPARED = {("*", name): Grade.EXACT for name in ("eq", "lt", "le", "gt", "ge", "in")}
SKILLS = {
    "nothing": Skill(),
    "everything": EVERYTHING,
    "equality": Skill({("*", "eq"): Grade.EXACT}, takes_count=True, takes_limit=True),
    "numbers by order": Skill(
        {("small", "*"): Grade.EXACT, ("price", "*"): Grade.EXACT}, orders=frozenset({"small", "id"}), takes_limit=True
    ),
    "text roughly": Skill({("*", "contains"): Grade.SUPERSET, ("name", "*"): Grade.SUPERSET}, takes_any_of=True),
    "ranges": Skill(COMPARED, takes_any_of=True, orders=frozenset({"*"}), takes_count=True),
    "all roughly": Skill({("*", "*"): Grade.SUPERSET}, takes_any_of=True, orders=frozenset({"id"})),
}


def session(skill: Skill | None = None, page: int = 7) -> MemorySession:
    return MemorySession([(TABLE, [dict(row) for row in ROWS])], skill, page)


@pytest.mark.parametrize("skill", SKILLS.values(), ids=SKILLS)
def test_the_same_rows_with_pushdown_on_and_off(skill: Skill) -> None:
    shares = check_agreement(session(skill), FACTS)

    assert sum(0 < share < 1 for share in shares) > len(shares) * 0.3, "the generator has become trivial"


# ---- calls ----


@pytest.mark.parametrize(
    ("skill", "path", "calls"),
    [
        (EVERYTHING, "facts(3)", ["GET facts from 0"]),
        (EVERYTHING, "facts?$filter=id eq 3", ["GET facts from 0"]),
        (EVERYTHING, "facts?$top=5", ["GET facts from 0"]),
        (Skill(), "facts?$top=5", ["GET facts from 0"]),
        (Skill(), "facts(9)", ["GET facts from 0", "GET facts from 7"]),
        (SKILLS["equality"], "facts?$filter=id in (40,2)&$orderby=id", ["GET facts from 0"] * 2),
        (Skill(), "facts?$top=5&$skip=7", ["GET facts from 0", "GET facts from 7"]),
        (EVERYTHING, "facts?$top=5&$orderby=price desc", ["GET facts from 0"]),
        (EVERYTHING, "facts/$count", ["COUNT facts"]),
        (EVERYTHING, "facts?$top=0&$count=true", ["COUNT facts"]),
        (EVERYTHING, "facts?$filter=id in (1,2,3)", ["GET facts from 0"]),
        (SKILLS["equality"], "facts?$filter=id in (1,2,3)", ["GET facts from 0"] * 3),
    ],
)
def test_no_more_calls_than_needed(skill: Skill, path: str, calls: list[str]) -> None:
    source = session(skill)

    reply = service_of(source, [FACTS]).get(path)

    assert reply.status == 200, reply.body
    assert source.calls == calls


@pytest.mark.parametrize("skill", [SKILLS["equality"], SKILLS["all roughly"], Skill()], ids=["equality", "roughly", "nothing"])
def test_list_of_keys_finds_each_of_them(skill: Skill) -> None:
    reply = service_of(session(skill), [FACTS]).get("facts?$select=id&$filter=id in (40,2,99,17)")

    assert sorted(row["id"] for row in reply.rows) == [2, 17, 40]


def test_local_filter_stops_at_the_page_that_fills_the_answer() -> None:
    source = session(page=10)

    reply = service_of(source, [FACTS]).get("facts?$select=id&$top=3&$filter=id gt 11")

    assert [row["id"] for row in reply.rows] == [12, 13, 14]
    assert source.calls == ["GET facts from 0", "GET facts from 10"]


def test_answer_says_in_the_log_what_was_asked() -> None:
    service = service_of(session(), [FACTS])

    service.get("facts?$top=1")

    assert service.log["sql"] == "GET facts"


# ---- pages ----


@pytest.mark.parametrize("skill", [Skill(), EVERYTHING], ids=["nothing", "everything"])
@pytest.mark.parametrize("size", [1, 3, 7, 10, 39])
@pytest.mark.parametrize("options", ["", "&$filter=small ge 0", "&$orderby=score desc", "&$skip=4&$top=20"])
def test_pages_are_the_whole_once(skill: Skill, size: int, options: str) -> None:
    service = service_of(session(skill), [FACTS])
    whole = [row["id"] for row in service.get(f"facts?$select=id{options}").rows]

    reply = service.get(f"facts?$select=id{options}", Prefer=f"maxpagesize={size}")
    found = [row["id"] for row in reply.rows]
    while link := reply.json.get("@odata.nextLink"):
        reply = service.follow(link, Prefer=f"maxpagesize={size}")
        assert 0 < len(reply.rows) <= size
        found += [row["id"] for row in reply.rows]

    assert found == whole


def test_next_page_goes_on_where_the_source_stopped() -> None:
    source = session(page=10)
    service = service_of(source, [FACTS])
    link = service.get("facts?$select=id", Prefer="maxpagesize=20").json["@odata.nextLink"]
    source.calls.clear()

    rows = service.follow(link, Prefer="maxpagesize=20").rows

    assert [row["id"] for row in rows] == list(range(21, 41))
    assert source.calls == ["GET facts from 10", "GET facts from 20", "GET facts from 30"]


# ---- what can't be whole ----


@pytest.mark.parametrize(
    "path", ["facts", "facts?$top=8", "facts?$filter=small eq 0", "facts/$count", "facts?$orderby=id&$top=2", "facts(39)"]
)
def test_part_of_a_table_never_passes_for_the_whole(path: str) -> None:
    reply = service_of(session(Skill(partial="page two can't be found")), [FACTS]).get(path)

    assert reply.status == 502
    assert reply.error["code"] == "SourceIncomplete"
    assert "facts can't be read to its end: page two can't be found." in reply.error["message"]


@pytest.mark.parametrize(("path", "count"), [("facts?$top=5", 5), ("facts?$top=7", 7), ("facts?$filter=id eq 3", 1)])
def test_what_is_known_of_a_part_is_served(path: str, count: int) -> None:
    reply = service_of(session(Skill(partial="page two can't be found")), [FACTS]).get(path)

    assert len(reply.rows) == count


def test_too_many_calls_are_refused_by_the_name_of_the_limit() -> None:
    many = [{**ROWS[0], "id": number} for number in range(300)]
    source = MemorySession([(TABLE, many)], page=1)

    reply = service_of(source, [FACTS]).get("facts?$filter=id eq 299")

    assert reply.status == 400
    assert reply.error["code"] == "QueryTooCostly"
    assert "more than 200 calls" in reply.error["message"]
    assert "server.request_limits.source_calls" in reply.error["message"]
    assert len(source.calls) == 201


# ---- demanded columns and related rows ----

REPOS, ISSUES = TableRef("", "repos"), TableRef("", "issues")
REPO_TABLE = Table(REPOS, columns=(Column("slug", Type.STRING, is_nullable=False), Column("size", Type.INT32)), primary_key=("slug",))
ISSUE_TABLE = Table(
    ISSUES,
    columns=(
        Column("repo", Type.STRING, is_nullable=False, is_demanded=True),
        Column("id", Type.INT32, is_nullable=False),
        Column("state", Type.STRING),
        Column("cost", Type.DECIMAL, scale=2),
    ),
    primary_key=("repo", "id"),
    foreign_keys=(ForeignKey("in_repo", ("repo",), "", "repos", ("slug",)),),
)


def tracker(skill: Skill | None = None, repos: int = 5) -> MemorySession:
    found = [{"slug": f"r{number}", "size": number} for number in range(repos)]
    issues = [
        {"repo": repo["slug"], "id": number, "state": "open" if number % 2 else "closed", "cost": Decimal(number)}
        for repo in found[:3]
        for number in range(4)
    ]
    return MemorySession([(REPO_TABLE, found), (ISSUE_TABLE, issues)], skill)


def test_demanded_column_without_value_is_refused_by_name() -> None:
    reply = service_of(tracker(), [REPOS, ISSUES]).get("issues")

    assert reply.status == 400
    assert reply.error["message"] == "issues needs a value of repo. Add repo eq ... to the filter."


@pytest.mark.parametrize(
    ("path", "ids", "calls"),
    [
        ("issues?$filter=repo eq 'r1'", ["r1"] * 4, 1),
        ("issues?$filter=repo in ('r1','r2') and state eq 'open'", ["r1", "r1", "r2", "r2"], 2),
        ("issues?$filter=(repo eq 'r1' or repo eq 'r0') and id lt 1", ["r1", "r0"], 2),
    ],
)
def test_demanded_column_is_asked_value_by_value(path: str, ids: list[str], calls: int) -> None:
    source = tracker()

    reply = service_of(source, [REPOS, ISSUES]).get(path)

    assert [row["repo"] for row in reply.rows] == ids
    assert source.calls == ["GET issues from 0"] * calls


@pytest.mark.parametrize("skill", [Skill(), EVERYTHING], ids=["nothing", "everything"])
@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("repos?$select=slug&$filter=issues/any(i:i/state eq 'open' and i/cost gt 2)", ["r0", "r1", "r2"]),
        ("repos?$select=slug&$filter=issues/$count eq 0", ["r3", "r4"]),
        ("repos?$select=slug&$filter=issues/all(i:i/id lt size add 3)", ["r1", "r2", "r3", "r4"]),
        ("repos?$select=slug&$orderby=issues/$count desc,slug desc&$top=2", ["r2", "r1"]),
        ("repos?$select=slug&$filter=size lt 2 or issues/any(i:i/repo eq 'r2')", ["r0", "r1", "r2"]),
    ],
)
def test_conditions_over_related_rows(skill: Skill, path: str, wanted: list[str]) -> None:
    reply = service_of(tracker(skill), [REPOS, ISSUES]).get(path)

    assert [row["slug"] for row in reply.rows] == wanted


def test_related_rows_are_asked_in_batches_of_keys() -> None:
    source = tracker(EVERYTHING)

    rows = service_of(source, [REPOS, ISSUES]).get("repos?$expand=issues($select=id;$orderby=id desc;$top=2;$count=true)").rows

    assert [[issue["id"] for issue in row["issues"]] for row in rows] == [[3, 2], [3, 2], [3, 2], [], []]
    assert [row["issues@odata.count"] for row in rows] == [4, 4, 4, 0, 0]


def test_a_relation_to_too_many_keys_is_refused_before_it_is_asked() -> None:
    source = tracker(repos=300)

    reply = service_of(source, [REPOS, ISSUES], page_size=1000).get("repos?$filter=issues/any(i:i/id gt 0)")

    assert reply.status == 400
    assert reply.error["code"] == "QueryTooCostly"


@pytest.mark.parametrize("skill", [Skill(), EVERYTHING], ids=["nothing", "everything"])
@pytest.mark.parametrize("options", ["$orderby=issues/$count desc,slug&$top=3", "$filter=issues/any()", "$filter=issues/$count eq 4"])
def test_many_related_rows_are_all_known_in_the_end(skill: Skill, options: str) -> None:
    repos = [{"slug": f"r{number:05}", "size": number} for number in range(5000)]
    issues = [{"repo": f"r{number:05}", "id": n, "state": None, "cost": None} for number in (7, 2500, 4999) for n in range(4)]
    free = replace(ISSUE_TABLE, columns=tuple(replace(column, is_demanded=False) for column in ISSUE_TABLE.columns))
    source = MemorySession([(REPO_TABLE, repos), (free, issues)], skill, page=500)

    rows = service_of(source, [REPOS, ISSUES]).get(f"repos?$select=slug&{options}").rows

    assert [row["slug"] for row in rows] == ["r00007", "r02500", "r04999"]


# ---- values ----


def test_column_that_is_gone_is_named() -> None:
    source = session()
    service = service_of(source, [FACTS])
    source.tables[FACTS] = Table(FACTS, columns=TABLE.columns[:-1], primary_key=("id",))
    service.session.describe([FACTS])

    reply = service.get("facts?$select=lasts&$top=1")

    assert reply.status == 502
    assert reply.error["code"] == "SourceTableGone"
    assert "facts has no column lasts any more." in reply.error["message"]


@pytest.mark.parametrize("value", ["12", 3.5, dt.date(2024, 1, 1)])
@pytest.mark.parametrize("path", ["facts?$filter=id add 1 gt 2", "facts?$select=id"])
def test_values_of_another_type_are_an_error_not_a_row(path: str, value: Any) -> None:
    source = MemorySession([(TABLE, [{**ROWS[0], "id": value}])])

    reply = service_of(source, [FACTS]).get(path)

    assert reply.status == 502
    assert reply.error["code"] == "SourceTableGone"


# ---- keys of several demanded columns ----

NOTES = TableRef("", "notes")
NOTE_TABLE = Table(
    NOTES,
    columns=(
        Column("repo", Type.STRING, is_nullable=False, is_demanded=True),
        Column("issue", Type.INT32, is_nullable=False, is_demanded=True),
        Column("text", Type.STRING),
    ),
    primary_key=("repo", "issue", "text"),
    foreign_keys=(ForeignKey("of", ("repo", "issue"), "", "issues", ("repo", "id")),),
)


def noted(skill: Skill | None = None) -> MemorySession:
    source = tracker(skill)
    source.tables[NOTES] = NOTE_TABLE
    source.rows[NOTES] = [{"repo": f"r{n % 2}", "issue": n % 4, "text": f"n{n}"} for n in range(8)]
    return source


@pytest.mark.parametrize("skill", [Skill(), EVERYTHING], ids=["nothing", "everything"])
@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("issues?$filter=repo eq 'r0' and notes/any(n:n/text eq 'n2')", [2]),
        ("issues?$filter=repo eq 'r1' and notes/$count gt 1", [1, 3]),
    ],
)
def test_related_rows_are_asked_by_each_key_of_several_columns(skill: Skill, path: str, wanted: list[int]) -> None:
    source = noted(skill)

    reply = service_of(source, [REPOS, ISSUES, NOTES]).get(path)

    assert [row["id"] for row in reply.rows] == wanted
    assert source.calls.count("GET notes from 0") == 4


def test_expansion_asks_by_each_key_of_several_columns() -> None:
    source = noted()

    rows = service_of(source, [REPOS, ISSUES, NOTES]).get("issues?$filter=repo eq 'r1'&$expand=notes").rows

    assert [[note["text"] for note in row["notes"]] for row in rows] == [[], ["n1", "n5"], [], ["n3", "n7"]]
    assert source.calls.count("GET notes from 0") == 4


def test_branches_of_an_or_give_demanded_columns_their_values() -> None:
    source = noted()
    wish = "(repo eq 'r0' and issue eq 2 and text ne 'n2') or (issue eq 3 and repo eq 'r1') or (repo eq 'r0' and issue eq 2)"

    reply = service_of(source, [REPOS, ISSUES, NOTES]).get(f"notes?$filter={wish}")

    assert [row["text"] for row in reply.rows] == ["n2", "n6", "n3", "n7"]
    assert source.calls == ["GET notes from 0"] * 2
