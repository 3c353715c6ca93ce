"""The tabular protocol by its published rules, over every kind of source: names, capabilities, and that what is claimed is true."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.compliance.filter_expressions import COLUMNS, TEXTS, Row
from tests.odata.service_harness import Service
from tests.powerplatform.tabular_judge import Judge
from tests.powerplatform.tabular_stage import KINDS, ROWS, open_stage

PROFILE = settings(max_examples=120, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
FACTS = "datasets/shop/tables/facts/items"


@pytest.fixture(scope="module", params=KINDS)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = open_stage(request.param, request, tmp_path_factory.mktemp("tabular"))
    yield service
    service.session.close()


@pytest.mark.parametrize("base", ["$tabular", ""])
def test_a_client_written_from_the_rules_objects_to_nothing(stage: Service, base: str) -> None:
    def get(path: str) -> tuple[int, bytes]:
        answer = stage.get(base + path)
        return answer.status, answer.body

    judge = Judge(get)

    assert judge.all() == []
    assert judge.asked > 150


def described(stage: Service, table: str) -> dict[str, Any]:
    found: dict[str, Any] = stage.get(f"$tabular/$metadata.json/datasets/shop/tables/{table}?api-version=2015-09-01").json
    return found


def test_every_column_says_its_type_and_what_filters_may_do(stage: Service) -> None:
    columns = described(stage, "facts")["schema"]["items"]["properties"]

    functions = {name: set(item.get("x-ms-capabilities", {}).get("filterFunctions", [])) for name, item in columns.items()}
    assert {"contains", "startswith", "endswith", "lt"} <= functions["name"]
    assert {"year", "month", "day", "ge"} <= functions["born"]
    assert "hour" in functions["seen"] and "lt" not in functions["flag"]
    assert not functions["price"] & {"contains", "div", "add"}
    assert (columns["price"]["type"], "format" in columns["price"]) == ("number", False)
    assert (columns["seen"]["format"], columns["born"]["format"]) == ("date-time", "date")


def test_bytes_are_neither_filtered_nor_sorted_and_come_in_base64(stage: Service) -> None:
    found = described(stage, "kinds")

    item = found["schema"]["items"]["properties"]["b"]
    assert ("x-ms-capabilities" in item, item["x-ms-sort"], item["format"]) == (False, "none", "byte")
    assert found["x-ms-capabilities"]["filterRestrictions"]["nonFilterableProperties"] == ["b"]
    assert stage.get("datasets/shop/tables/kinds/items?$select=b&$top=1").json["value"][0]["b"] == "+/8B"


def test_a_name_in_another_script_has_a_logical_one_that_queries_take(stage: Service) -> None:
    (name,) = [name for name, item in described(stage, "kinds")["schema"]["items"]["properties"].items() if item["title"] == "価格"]

    rows = stage.get(f"datasets/shop/tables/kinds/items?$filter={name} gt 1.5&$orderby={name} desc&$select={name}").json["value"]

    assert name == "_x4FA1__x683C_"
    assert [row[name] for row in rows] == [4.5, 3.0] and all("価格" not in row for row in rows)


# ---- what is claimed is true ----


def literal(name: str, value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bool):
        return str(value).lower()
    if name == "seen":
        return f"{value:%Y-%m-%dT%H:%M:%S}.000Z"
    if name == "born":
        return f"{value}T00:00:00.000Z"  # as Power Fx sends a date
    return f"'{value}'" if name == "wakes" else str(value)


COMPARED: dict[str, Any] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}
FOUND: dict[str, Any] = {
    "contains": lambda a, b: b in a,
    "startswith": lambda a, b: a.startswith(b),
    "endswith": lambda a, b: a.endswith(b),
}


def condition_of(name: str, function: str, value: Any) -> tuple[str, Any]:
    """Return one condition and its meaning for a row: true, false, or None where it can't be said (OData 4.01 URL Conventions, 5.1.1)."""
    if function == "null":
        return f"{name} eq null", lambda row: row[name] is None
    if function in FOUND:
        return f"{function}({name},{literal(name, value)})", lambda row: None if row[name] is None else FOUND[function](row[name], value)
    if function in COMPARED:

        def holds(row: Row) -> bool:
            if row[name] is None:
                return function == "ne"
            return bool(COMPARED[function](row[name], value))

        return f"{name} {function} {literal(name, value)}", holds
    return (
        f"{function}({name}) eq {getattr(value, function)}",
        lambda row: row[name] is not None and getattr(row[name], function) == getattr(value, function),
    )


@st.composite
def claimed_conditions(draw: Any, claims: dict[str, list[str]], depth: int) -> tuple[str, Any]:
    """Draw a condition out of what the columns claim, joined by and, or, not."""
    name = draw(st.sampled_from(sorted(claims)))
    plain = [item for item in claims[name] if item not in ("and", "or", "not")]
    pool = TEXTS if name in ("name", "note") else [row[name] for row in ROWS if row[name] is not None]
    text, holds = condition_of(name, draw(st.sampled_from(plain)), draw(st.sampled_from(pool)))
    if draw(st.booleans()):
        text, holds = f"not ({text})", negated(holds)
    if depth and draw(st.booleans()):
        other, also = draw(claimed_conditions(claims, depth - 1))
        word, decides = draw(st.sampled_from([("and", False), ("or", True)]))
        return f"({text} {word} {other})", joined(holds, also, decides)
    return text, holds


def negated(holds: Any) -> Any:
    return lambda row: None if holds(row) is None else not holds(row)


def joined(first: Any, second: Any, decides: bool) -> Any:
    """Return `and` (decided by false) or `or` (decided by true) of two meanings."""

    def both(row: Row) -> bool | None:
        found = {first(row), second(row)}
        return decides if decides in found else None if None in found else not decides

    return both


def test_filters_and_orders_as_claimed_give_the_rows_that_they_mean(stage: Service) -> None:
    columns = described(stage, "facts")["schema"]["items"]["properties"]
    claims = {name: item["x-ms-capabilities"]["filterFunctions"] for name, item in columns.items()}
    sortable = [name for name, item in columns.items() if item["x-ms-sort"] == "asc,desc"]
    assert set(claims) == set(COLUMNS)

    @PROFILE
    @given(claimed_conditions(claims, 2), st.sampled_from(sortable), st.booleans(), st.integers(1, 50))
    def check(condition: tuple[str, Any], order: str, is_descending: bool, top: int) -> None:
        text, holds = condition
        wanted = sorted((row for row in ROWS if holds(row) is True), key=lambda row: row["id"])
        wanted.sort(key=lambda row: (row[order] is not None, row[order] if row[order] is not None else 0), reverse=is_descending)
        query = f"$filter={quote(text, safe='')}&$orderby={order}{' desc' if is_descending else ''}&$select=id&$top={top}&$count=true"

        answer = stage.get(f"{FACTS}?{query}")

        assert answer.status == 200, (text, answer.body)
        assert [row["id"] for row in answer.json["value"]] == [row["id"] for row in wanted][:top], (text, order, is_descending)
        assert answer.json["@odata.count"] == len(wanted), text

    check()


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("$filter=tolower(name) eq 'alice '", 200),  # understood, not claimed
        ("$filter=length(name) gt 100", 200),
        ("$filter=small add 1 eq 3", 200),
        ("$filter=substringof('a',name)", 400),
        ("$filter=name", 400),
        ("$filter=facts/name eq 'a'", 400),
        ("$expand=facts", 400),
        ("$unknown=1", 400),
        ("$apply=groupby((name))", 501),
        ("$top=-1", 400),
        ("$top=x", 400),
    ],
)
def test_what_is_not_claimed_is_right_or_refused(stage: Service, query: str, status: int) -> None:
    answer = stage.get(f"{FACTS}?{query}")

    assert answer.status == status, answer.body
    if status != 200:
        assert (answer.json["statusCode"], answer.json["message"]) == (status, answer.json["error"]["message"])


def test_pages_go_on_at_their_own_address_until_all_rows_came_once(stage: Service) -> None:
    ids, link = [], f"$tabular/{FACTS}?$select=id"
    for _ in range(30):
        answer = stage.get(link, Prefer="maxpagesize=7")
        ids += [row["id"] for row in answer.json["value"]]
        following = answer.json.get("@odata.nextLink", "")
        assert following == "" or following.startswith(f"http://testserver/api.rsc/$tabular/{FACTS}?")
        if not following:
            break
        link = following.removeprefix("http://testserver/api.rsc/")

    assert ids == [row["id"] for row in ROWS]
