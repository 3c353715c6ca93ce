"""Services that are richer, older or worse than ours: their metadata, their paging, their failures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connections.connectors.http.calls import Caller
from connections.connectors.odata.connector import ODataConnector
from connections.connectors.odata.session import ODataSession
from connections.contract.context import Context
from connections.contract.errors import (
    AddressRefused,
    AuthenticationFailed,
    BadAnswer,
    ConnectionFailed,
    ConnectorError,
    InvalidProperties,
    NotSupported,
    RateLimited,
    RowChanged,
    SourceRejected,
    TableGone,
)
from connections.contract.scan import Compare, Grade, Not, Order, Scan
from connections.contract.table import Table, TableRef
from tests.connectors.odata.upstream import Upstream, page

METADATA = """<?xml version="1.0"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="Types" Alias="T" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EnumType Name="Color"><Member Name="Red"/><Member Name="Green"/></EnumType>
  <TypeDefinition Name="Money" UnderlyingType="Edm.Decimal" Precision="18" Scale="2"/>
  <ComplexType Name="City"><Property Name="Name" Type="Edm.String"/><Property Name="Zip" Type="Edm.String"/></ComplexType>
  <ComplexType Name="Address"><Property Name="Street" Type="Edm.String"/><Property Name="City" Type="T.City"/></ComplexType>
  <EntityType Name="Being" Abstract="true"><Key><PropertyRef Name="Id"/></Key>
    <Property Name="Id" Type="Edm.Int32" Nullable="false"><Annotation Term="Org.OData.Core.V1.Computed"/></Property></EntityType>
  <EntityType Name="Person" BaseType="T.Being">
    <Property Name="Name" Type="Edm.String" MaxLength="40"/>
    <Property Name="Home" Type="T.Address"/>
    <Property Name="Tags" Type="Collection(Edm.String)" Nullable="false"/>
    <Property Name="Color" Type="T.Color"/>
    <Property Name="Pay" Type="T.Money"/>
    <Property Name="Born" Type="Edm.DateTimeOffset" Precision="7"/>
    <Property Name="Photo" Type="Edm.Stream"/>
    <Property Name="BossId" Type="Edm.Int32"/>
    <Property Name="Secret" Type="Edm.String"/>
    <NavigationProperty Name="Boss" Type="T.Person">
      <ReferentialConstraint Property="BossId" ReferencedProperty="Id"/></NavigationProperty>
  </EntityType>
  <EntityType Name="Note"><Property Name="Text" Type="Edm.String"/></EntityType>
</Schema>
<Schema Namespace="Service" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityContainer Name="Container">
    <EntitySet Name="People" EntityType="Types.Person"><NavigationPropertyBinding Path="Boss" Target="People"/>
      <Annotation Term="Org.OData.Capabilities.V1.DeleteRestrictions"><Record>
        <PropertyValue Property="Deletable" Bool="false"/></Record></Annotation>
    </EntitySet>
    <EntitySet Name="Notes" EntityType="Types.Note"/>
  </EntityContainer>
  <Annotations Target="Service.Container/People">
    <Annotation Term="Org.OData.Capabilities.V1.FilterRestrictions"><Record>
      <PropertyValue Property="NonFilterableProperties">
      <Collection><PropertyPath>Secret</PropertyPath></Collection></PropertyValue></Record></Annotation>
    <Annotation Term="Org.OData.Capabilities.V1.CountRestrictions"><Record>
      <PropertyValue Property="Countable"><Bool>false</Bool></PropertyValue></Record></Annotation>
  </Annotations>
  <Annotations Target="Service.Container/Notes"><Annotation Term="Org.OData.Capabilities.V1.TopSupported" Bool="false"/>
    <Annotation Term="Org.OData.Capabilities.V1.FilterRestrictions"><Record>
      <PropertyValue Property="Filterable" Bool="false"/></Record></Annotation></Annotations>
</Schema></edmx:DataServices></edmx:Edmx>"""
PEOPLE = TableRef("", "People")


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    monkeypatch.setattr(Caller, "_pause", lambda self, number, wait, ends: wait is None)
    made = Upstream(METADATA)
    yield made
    made.close()


def table(upstream: Upstream, name: str = "People") -> Table:
    return upstream.session().describe([TableRef("", name)])[0]


def ask(upstream: Upstream, *columns: str, where: tuple[Any, ...] = (), **more: Any) -> list[tuple[Any, ...]]:
    session = upstream.session(**more)
    found = session.describe([PEOPLE])[0]
    return [row for batch in session.read(session.offer(Scan(found, columns, where))) for row in batch.rows]


def test_metadata_with_inheritance_complex_values_enums_and_collections(upstream: Upstream) -> None:
    people, notes = table(upstream), table(upstream, "Notes")

    assert [(column.name, column.type.value) for column in people.columns] == [
        ("Id", "Int32"),
        ("Name", "String"),
        ("Home_Street", "String"),
        ("Home_City_Name", "String"),
        ("Home_City_Zip", "String"),
        ("TagsAggregate", "String"),
        ("Color", "String"),
        ("Pay", "Decimal"),
        ("Born", "DateTimeOffset"),
        ("BossId", "Int32"),
        ("Secret", "String"),
    ]
    assert (people.primary_key, people.writes, people.by_name["Id"].is_generated) == (("Id",), {"insert", "update"}, True)
    assert (people.by_name["Pay"].scale, people.by_name["Color"].allowed_values) == (2, ("Red", "Green"))
    assert (people.by_name["TagsAggregate"].is_json, people.by_name["Name"].max_length) == (True, 40)
    assert [(key.name, key.columns, key.target_table) for key in people.foreign_keys] == [("Boss", ("BossId",), "People")]
    assert (notes.primary_key, notes.writes) == ((), frozenset())


def test_values_of_every_shape(upstream: Upstream) -> None:
    row = (
        '{"Id": 1, "Home": {"City": {"Zip": "0815"}}, "Tags": ["a", 1.10], "Color": "Red", "Pay": 12345678901234.10, '
        '"Born": "2026-01-02T03:04:05.1234567+09:00"}'
    )
    upstream.answer = lambda method, path: (
        200,
        {},
        b'\xef\xbb\xbf{"value": [' + row.encode() + b', {"Id": 2, "Home": null, "Pay": "1.5"}]}',
    )

    rows = ask(upstream, "Id", "Home_City_Zip", "TagsAggregate", "Color", "Pay", "Born", "Name")

    born = datetime(2026, 1, 1, 18, 4, 5, 123456, tzinfo=UTC)
    assert rows == [
        (1, "0815", '["a", 1.10]', "Red", Decimal("12345678901234.10"), born, None),
        (2, None, None, None, Decimal("1.5"), None, None),
    ]


@pytest.mark.parametrize(
    ("item", "grade", "text"),
    [
        (Compare("Home_City_Zip", "eq", "0'8"), Grade.SUPERSET, "Home/City/Zip eq '0''8'"),
        (Compare("Name", "ne", "x"), Grade.NO, ""),
        (Not(Compare("Name", "contains", "x")), Grade.NO, ""),
        (Compare("Color", "eq", "Red"), Grade.EXACT, "Color eq Types.Color'Red'"),
        (Compare("Color", "eq", "Blue"), Grade.NO, ""),
        (Compare("Secret", "eq", "x"), Grade.NO, ""),
        (Compare("TagsAggregate", "contains", "x"), Grade.NO, ""),
        (Compare("Pay", "ne", Decimal("1E+2")), Grade.EXACT, "(Pay ne 100 and Pay ne null)"),
        (
            Compare("Born", "eq", datetime(2026, 1, 1, tzinfo=UTC)),
            Grade.EXACT,
            "(Born ge 2026-01-01T00:00:00Z and Born lt 2026-01-01T00:00:00.000001Z)",
        ),
        (Compare("Born", "le", datetime(2026, 1, 1, tzinfo=UTC)), Grade.EXACT, "Born lt 2026-01-01T00:00:00.000001Z"),
        (Compare("Name", "eq", "\ud800"), Grade.NO, ""),
    ],
)
def test_conditions_as_the_service_is_asked(upstream: Upstream, item: Any, grade: Grade, text: str) -> None:
    session = upstream.session()
    offer = session.offer(Scan(session.describe([PEOPLE])[0], ("Id",), (item,)))

    assert (offer.grades, offer.path.filter) == ((grade,), text)


def test_what_the_service_cannot_do_is_left_to_us(upstream: Upstream) -> None:
    session = upstream.session()
    people, notes = session.describe([PEOPLE, TableRef("", "Notes")])
    where = (Compare("Text", "eq", "x"),)
    long = (Compare("Name", "eq", "x" * 5000), Compare("Name", "eq", "y" * 5000))

    assert session.offer(Scan(people, ("Id",), wants_count=True)).takes_count is False
    assert (session.offer(Scan(notes, ("Text",), where)).grades, session.offer(Scan(notes, ("Text",), limit=5)).takes_limit) == (
        (Grade.NO,),
        False,
    )
    assert session.offer(Scan(people, ("Id",), long)).grades == (Grade.SUPERSET, Grade.NO)
    assert session.offer(Scan(people, ("Id",), order=(Order("Born"), Order("Id")))).takes_order is False


def test_repeated_rows_at_the_edge_of_a_page_are_given_once(upstream: Upstream) -> None:
    upstream.answer = lambda method, path: (
        page([{"Id": 2}, {"Id": 3}]) if "skip" in path else page([{"Id": 1}, {"Id": 2}], **{"@odata.nextLink": "People?$skiptoken=2"})
    )

    assert ask(upstream, "Id") == [(1,), (2,), (3,)]
    assert upstream.paths() == ["/svc/People?$select=Id", "/svc/People?$skiptoken=2"]


@pytest.mark.parametrize(
    ("link", "error"),
    [
        ("http://example.com/svc/People?$skip=1", AddressRefused),
        ("//example.com/People", AddressRefused),
        ("https://127.0.0.1/svc/People", AddressRefused),
        ("file:///etc/passwd", AddressRefused),
        ("https://[::1/", AddressRefused),
        ({"href": "x"}, BadAnswer),
        ("People?$select=Id", BadAnswer),
    ],
)
def test_next_link_to_elsewhere_or_back_is_an_error_not_the_end(upstream: Upstream, link: Any, error: type[ConnectorError]) -> None:
    upstream.answer = lambda method, path: page([{"Id": 1}], **{"@odata.nextLink": link})

    with pytest.raises(error):
        ask(upstream, "Id")
    assert len(upstream.paths()) == 1


def test_empty_pages_without_end_are_an_error(upstream: Upstream) -> None:
    upstream.answer = lambda method, path: page([], **{"@odata.nextLink": f"People?$skiptoken={len(upstream.asked)}"})

    with pytest.raises(BadAnswer, match="without end"):
        ask(upstream, "Id")


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        ((200, {}, b"<html>"), BadAnswer, "a web page"),
        ((200, {}, b'{"value": [{"Id": 1}'), BadAnswer, "no JSON"),
        ((200, {}, b'{"value": [1]}'), BadAnswer, "no list of rows"),
        ((200, {}, b"[" * 100_000), BadAnswer, "no JSON"),
        ((200, {}, b'{"value": [{"Id": "one"}]}'), BadAnswer, "value of Id"),
        ((200, {}, b'{"value": [{"Id": 2147483648}]}'), BadAnswer, "value of Id"),
        ((400, {}, b'{"error": {"code": "", "message": "No\\n such option."}}'), SourceRejected, "answered 400: No such option."),
        ((401, {}, b""), AuthenticationFailed, "answered 401"),
        ((404, {}, b"x" * 100_000), TableGone, "answered 404."),
        ((429, {"Retry-After": "7"}, b""), RateLimited, "answered 429"),
        ((500, {}, b""), ConnectionFailed, "answered 500"),
        ((501, {}, b""), NotSupported, "answered 501"),
        ((503, {}, b""), ConnectionFailed, "answered 503"),
        ((302, {"Location": "http://example.com/"}, b""), AddressRefused, "example.com"),
    ],
)
def test_failures_are_named(upstream: Upstream, answer: Any, error: type[ConnectorError], text: str) -> None:
    upstream.answer = lambda method, path: answer

    with pytest.raises(error) as told:
        ask(upstream, "Id")
    assert text in told.value.message
    assert len(upstream.paths()) == (6 if answer[0] == 503 else 1)


def test_service_that_comes_back_is_asked_again(upstream: Upstream) -> None:
    upstream.answer = lambda method, path: page([{"Id": 1}]) if len(upstream.paths()) > 2 else (503, {}, b"")

    assert ask(upstream, "Id") == [(1,)]


def test_changes_are_sent_once_and_the_key_is_found(upstream: Upstream) -> None:
    session = upstream.session()
    people = session.describe([PEOPLE])[0]
    upstream.answer = lambda method, path: (503, {}, b"")
    with pytest.raises(ConnectionFailed):
        session.insert(people, {"Name": "x"}, idempotency="a")
    upstream.answer = lambda method, path: (
        (204, {"OData-EntityId": f"{upstream.base}/svc/People(9)"}, b"") if method == "POST" else (200, {}, b'{"Id": 9, "Name": "x"}')
    )

    made = session.insert(people, {"Name": "x", "Home_City_Zip": "1", "Pay": Decimal("1.10")}, idempotency="b")

    posted = [json.loads(body, parse_float=Decimal) for method, _, _, body in upstream.asked if method == "POST"]
    assert (made["Id"], made["Name"], len(posted)) == (9, "x", 2)
    assert posted[1] == {"Name": "x", "Home": {"City": {"Zip": "1"}}, "Pay": Decimal("1.10")}


ROW = b'{"@odata.etag": "W/\\"7\\"", "Id": 1, "Name": "a", "Pay": 1.10}'
EXPECTED = {"Id": 1, "Name": "a", "Pay": Decimal("1.10")}


def test_change_of_an_expected_row_names_its_etag(upstream: Upstream) -> None:
    session = upstream.session()
    people = session.describe([PEOPLE])[0]
    upstream.answer = lambda method, path: (200, {}, ROW) if method == "GET" else (204, {}, b"")

    changed = session.update(people, {"Id": 1}, {"Name": "b"}, idempotency="a", expected=EXPECTED)
    gone = session.delete(people, {"Id": 1}, idempotency="b", expected=EXPECTED)
    session.update(people, {"Id": 1}, {"Name": "b"}, idempotency="c")

    sent = [(method, headers.get("If-Match")) for method, _, headers, _ in upstream.asked if method != "GET"]
    assert (changed, gone) == ({"Name": "b"}, True)
    assert sent == [("PATCH", 'W/"7"'), ("DELETE", 'W/"7"'), ("PATCH", "*")]


@pytest.mark.parametrize(
    ("read", "written", "sent"),
    [
        ((200, {}, ROW.replace(b'"a"', b'"b"')), (204, {}, b""), 0),
        ((404, {}, b""), (204, {}, b""), 0),
        ((200, {}, ROW), (412, {}, b""), 1),
        ((200, {}, ROW), (404, {}, b""), 1),
    ],
    ids=["other values", "gone", "changed between", "gone between"],
)
def test_row_that_is_another_by_now_is_not_changed(upstream: Upstream, read: Any, written: Any, sent: int) -> None:
    session = upstream.session()
    people = session.describe([PEOPLE])[0]
    upstream.answer = lambda method, path: read if method == "GET" else written

    with pytest.raises(RowChanged):
        session.update(people, {"Id": 1}, {"Name": "c"}, idempotency="a", expected=EXPECTED)
    assert [method for method, *_ in upstream.asked].count("PATCH") == sent


class Grant:
    """Tokens that the service refuses after the first."""

    def __init__(self) -> None:
        self.token, self.refreshed = "one", 0

    def access(self) -> str:
        return self.token

    def refresh(self, stale: str) -> str:
        self.refreshed += self.token == stale
        self.token = "two"
        return self.token


@pytest.mark.parametrize("scheme", ["OAuth", "OAuthClient"])
def test_token_that_is_refused_is_renewed_once(upstream: Upstream, scheme: str) -> None:
    addresses = {"OAuthAuthorizationURL": "https://example.com/auth", "OAuthAccessTokenURL": "https://example.com/token"}
    values = {"URL": f"{upstream.base}/svc/", "AuthScheme": scheme, "OAuthClientId": "me", **addresses}
    grant = Grant()
    session = ODataConnector().open(values, context=Context(outgoing=(f"127.0.0.1:{upstream.port}",), tokens=grant))
    session.list_tables()
    upstream.answer = lambda method, path: page([{"Id": 1}]) if upstream.asked[-1][2]["Authorization"] == "Bearer two" else (401, {}, b"")

    rows = [row for batch in session.read(session.offer(Scan(session.describe([PEOPLE])[0], ("Id",)))) for row in batch.rows]

    assert (rows, grant.refreshed) == ([(1,)], 1)
    service = ODataConnector().oauth(values)
    assert service is not None
    assert (service.flow, service.token_url, service.client_id) == (
        {"OAuth": "code", "OAuthClient": "client"}[scheme],
        "https://example.com/token",
        "me",
    )


def test_budget_and_pauses_are_shared(upstream: Upstream, tmp_path: Path) -> None:
    upstream.answer = lambda method, path: (429, {"Retry-After": "40"}, b"")

    def opened() -> ODataSession:
        context = Context(outgoing=(f"127.0.0.1:{upstream.port}",), shared=tmp_path)
        return ODataConnector().open({"URL": f"{upstream.base}/svc/", "Timeout": 5}, context=context)

    first, second = opened(), opened()
    second.list_tables()
    with pytest.raises(RateLimited):
        list(first.read(first.offer(Scan(first.describe([PEOPLE])[0], ("Id",)))))
    asked = len(upstream.asked)

    with pytest.raises(RateLimited) as told:
        list(second.read(second.offer(Scan(second.describe([PEOPLE])[0], ("Id",)))))

    assert (len(upstream.asked), told.value.retry_after > 30) == (asked, True)


def test_keys_stay_out_of_links_and_messages(upstream: Upstream) -> None:
    upstream.answer = lambda method, path: page(
        [{"Id": 1}], **({} if "skip" in path else {"@odata.nextLink": f"{upstream.base}/svc/People?api%20key=hidden&$skip=1"})
    )
    session = upstream.session(AuthScheme="QueryKey", APIKeyName="api key", APIKey="hidden")
    found = session.describe([PEOPLE])[0]

    batches = list(session.read(session.offer(Scan(found, ("Id",)))))

    assert batches[0].resume == f"{upstream.base}/svc/People?$skip=1"
    assert upstream.paths() == ["/svc/People?$select=Id&api%20key=hidden", "/svc/People?$skip=1&api%20key=hidden"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no xml",
        "<a/>",
        METADATA.replace('Version="4.0"', 'Version="1.0"', 1),
        '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        METADATA[:900],
        "<a>" * 500,
    ],
)
def test_metadata_that_cannot_be_read_is_named(upstream: Upstream, text: str) -> None:
    upstream.metadata = text

    with pytest.raises(BadAnswer, match="metadata can't be read"):
        upstream.session().list_tables()


def test_table_that_is_gone_is_named(upstream: Upstream) -> None:
    with pytest.raises(TableGone):
        upstream.session().describe([TableRef("", "Gone")])


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"URL": "ftp://x"}, ["URL"]),
        ({"URL": "https://[::1/"}, ["URL"]),
        ({"URL": "https://example.com:99999/"}, ["URL"]),
        ({"URL": "https://u:p@example.com/"}, ["URL"]),
        ({"URL": "https://example.com/?a=1"}, ["URL"]),
        ({"URL": "https://example.com", "AuthScheme": "Basic"}, ["User"]),
        ({"URL": "https://example.com", "AuthScheme": "Header", "APIKeyName": "a\nb", "APIKey": "x"}, ["APIKeyName"]),
        ({"URL": "https://example.com", "AuthScheme": "Bearer"}, ["AccessToken"]),
        ({"URL": "https://example.com", "AuthScheme": "OAuthClient"}, ["OAuthAccessTokenURL"]),
    ],
)
def test_properties_that_cannot_work_are_named(values: dict[str, Any], names: list[str]) -> None:
    with pytest.raises(InvalidProperties) as told:
        ODataConnector().clean(values)
    assert list(told.value.errors) == names
