"""Bitbucket's manifest over its stand-in: schemas, pushdown, writes, what upstream has retired, and rows that pushdown never changes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connections.connectors.registry import get_connector
from connections.contract.context import Context
from connections.contract.errors import AuthenticationFailed, BadAnswer, ConnectorError, RateLimited, SourceRejected, TableGone
from connections.contract.scan import AllOf, AnyOf, Compare, Grade, Order, Predicate, RowSession, Scan
from connections.contract.table import Table, TableRef
from connections.oauth import calls
from connections.outgoing import Outgoing, Settings
from tests.connectors.reference import ordered, truth
from tests.fakes.bitbucket import PUBLIC, Bitbucket

SHOP = "/2.0/repositories/acme/shop"
Open = Callable[..., RowSession]


@pytest.fixture
def fake() -> Iterator[Bitbucket]:
    with Bitbucket() as running:
        yield running


@pytest.fixture
def opened(fake: Bitbucket) -> Iterator[Open]:
    """Give what opens a session with an API token, in the workspace acme."""
    sessions = []

    def make(**more: Any) -> RowSession:
        values = {
            "AuthScheme": "Basic",
            "User": "aoi@example.com",
            "APIToken": "api-token-1",
            "Workspace": "acme",
            "URL": f"{fake.url}/2.0",
        }
        connector = get_connector("bitbucket")
        session: Any = connector.open(connector.clean({**values, **more}), context=Context(outgoing=(fake.address,)))
        sessions.append(session)
        return session

    yield make
    for session in sessions:
        session.close()


def table(session: RowSession, schema: str, name: str) -> Table:
    return session.describe([TableRef(schema, name)])[0]


def rows(
    session: RowSession, of: Table, columns: str, *where: Predicate, order: tuple[Order, ...] = (), **more: Any
) -> list[tuple[Any, ...]]:
    offer = session.offer(Scan(of, tuple(columns.split()), where, order, **more))
    return [row for batch in session.read(offer) for row in batch.rows]


def test_schemas_are_the_workspace_its_repositories_and_its_projects(opened: Open) -> None:
    found = [info.ref for info in opened().list_tables()]

    assert {ref.schema for ref in found} == {"Information", "shop", "warehouse", "SHOP", "OPS"}
    assert len({ref.name for ref in found}) == 49
    assert {info.ref.schema for info in opened(Schema="warehouse").list_tables()} == {"warehouse"}


def test_key_of_issues_depends_on_the_schema(opened: Open) -> None:
    session = opened()
    whole, one = table(session, "Information", "Issues"), table(session, "shop", "Issues")

    assert (whole.primary_key, one.primary_key) == (("RepositorySlug", "Id"), ("Id",))
    assert ("RepositorySlug" in whole.by_name, "RepositorySlug" in one.by_name, one.check_column) == (True, False, "UpdatedOn")


def test_issue_by_id_is_one_call_with_q(fake: Bitbucket, opened: Open) -> None:
    session = opened(Schema="shop")
    issues = table(session, "shop", "Issues")
    fake.forget()

    found = rows(session, issues, "Id Title", Compare("Id", "eq", 1))

    assert [(entry["path"], dict(entry["query"])["q"]) for entry in fake.asked()] == [(f"{SHOP}/issues", "id = 1")]
    assert dict(fake.asked()[0]["query"])["fields"] == "next,size,page,values.id,values.title"
    assert [row[0] for row in found] == [1]


def test_workspace_wide_issues_are_read_repository_by_repository(fake: Bitbucket, opened: Open) -> None:
    session = opened()
    issues = table(session, "Information", "Issues")

    found = rows(session, issues, "RepositorySlug Id")

    assert (len(found), {slug for slug, _ in found}) == (220, {"shop", "warehouse"})
    fake.forget()
    assert rows(session, issues, "Id", Compare("RepositorySlug", "eq", "shop"), Compare("Id", "eq", 4)) == [(4,)]
    assert len(fake.asked()) == 1


def test_pull_requests_of_all_states_in_pages_of_fifty(fake: Bitbucket, opened: Open) -> None:
    session = opened()
    fake.forget()

    found = rows(session, table(session, "shop", "PullRequests"), "Id State")

    asked = fake.asked("pullrequests")[0]["query"]
    assert (len(found), {state for _, state in found}) == (90, {"OPEN", "MERGED", "DECLINED", "SUPERSEDED"})
    assert ["pagelen", "50"] in asked and [value for name, value in asked if name == "state"] == [
        "OPEN",
        "MERGED",
        "DECLINED",
        "SUPERSEDED",
    ]


def test_workspaces_need_no_workspace_and_names_are_asked_for_only_by_name(fake: Bitbucket, opened: Open) -> None:
    session = opened(Workspace="")
    workspaces = table(session, "Information", "Workspaces")
    fake.forget()

    assert {info.ref.schema for info in session.list_tables()} == {"Information"}
    assert rows(session, workspaces, "Slug Administrator") == [("acme", True), ("globex", False)]
    assert [entry["path"] for entry in fake.asked()] == ["/2.0/user/workspaces"]
    assert rows(session, workspaces, "Slug Name") == [("acme", "Acme Inc."), ("globex", "Globex Inc.")]
    with pytest.raises(SourceRejected) as refused:
        rows(session, table(session, "Information", "Users"), "UserUUID")
    assert (refused.value.message, refused.value.hint) == (
        "Users can only be read where Workspace is set.",
        "Set Workspace in the connection.",
    )


def test_order_and_limit_go_down(fake: Bitbucket, opened: Open) -> None:
    session = opened()
    issues = table(session, "shop", "Issues")
    fake.forget()

    found = rows(session, issues, "Id UpdatedOn", order=(Order("UpdatedOn", True), Order("Id")), limit=5)

    (asked,) = fake.asked()
    assert (len(found), dict(asked["query"])["sort"]) == (5, "-updated_on")
    assert [row[1] for row in found] == sorted((row[1] for row in found), reverse=True)


def test_count_is_one_call(fake: Bitbucket, opened: Open) -> None:
    session = opened()
    offer = session.offer(Scan(table(session, "shop", "Issues"), (), (Compare("Id", "le", 50),), wants_count=True))
    fake.forget()

    assert (offer.takes_count, session.count(offer), len(fake.asked())) == (True, 50, 1)


@pytest.mark.parametrize("status", ["404", "410"])
@pytest.mark.parametrize("name", ["Issues", "IssueComments", "Components", "Milestones", "Versions"])
def test_retired_tables_say_so(fake: Bitbucket, opened: Open, status: str, name: str) -> None:
    session = opened()
    fake.control["issues"] = status

    with pytest.raises(TableGone) as gone:
        rows(session, table(session, "shop", name), "Id", limit=3)
    assert gone.value.message == "The issue tracker of shop is off or no longer offered by Bitbucket Cloud."
    assert "20 August 2026" in gone.value.hint


@pytest.mark.parametrize(
    ("control", "value", "message"),
    [
        ("foreign_next", True, "Bitbucket leads to elsewhere.example, which is no host of this connection."),
        ("endless", True, "The list of Issues repeats its rows page after page."),
        ("not_json", 1, "Bitbucket answered with a web page."),
        ("truncated", 1, "Bitbucket answered with what is no JSON."),
    ],
)
def test_faults_are_named(fake: Bitbucket, opened: Open, control: str, value: Any, message: str) -> None:
    session = opened()
    issues = table(session, "shop", "Issues")
    fake.control[control] = value

    with pytest.raises(ConnectorError) as failed:
        rows(session, issues, "Id")
    assert (failed.value.message, isinstance(failed.value, BadAnswer)) == (message, control != "foreign_next")


def test_storm_of_429_is_waited_for(fake: Bitbucket, opened: Open) -> None:
    session = opened()
    issues = table(session, "shop", "Issues")
    fake.control["storm"] = 2

    assert rows(session, issues, "Id", Compare("Id", "eq", 1)) == [(1,)]


def test_pause_that_the_service_asks_for_is_told_with_its_length(fake: Bitbucket, opened: Open) -> None:
    session = opened(Timeout=2)
    issues = table(session, "shop", "Issues")
    fake.control |= {"storm": 100, "retry_after": 90}

    told = []
    for _ in range(2):
        with pytest.raises(RateLimited) as waits:
            rows(session, issues, "Id", Compare("Id", "eq", 1))
        told.append((waits.value.message, waits.value.hint, round(waits.value.retry_after)))

    assert told == [("Bitbucket asks to wait: too many calls.", "Try again in 90 seconds.", 90)] * 2


def test_token_revoked_between_pages_gives_no_part_of_the_rows(fake: Bitbucket, opened: Open) -> None:
    session = opened()
    pages = session.read(session.offer(Scan(table(session, "shop", "Issues"), ("Id",))))
    next(pages)
    fake.people = {}

    with pytest.raises(AuthenticationFailed, match="refused the sign-in"):
        list(pages)


def test_writes_of_issues(fake: Bitbucket, opened: Open) -> None:
    session = opened()
    issues = table(session, "shop", "Issues")

    made = session.insert(issues, {"Title": "New", "ContentRaw": "text", "Priority": "minor"}, idempotency="a")
    changed = session.update(issues, {"Id": made["Id"]}, {"State": "open"}, idempotency="b")
    removed = [session.delete(issues, {"Id": made["Id"]}, idempotency=key) for key in "cd"]

    assert (made["Id"], made["ContentHtml"], made["State"]) == (181, "<p>text</p>", "new")
    assert (changed and changed["State"], removed) == ("open", [True, False])
    assert session.update(issues, {"Id": 9999}, {"State": "open"}, idempotency="e") is None


def test_writes_of_pull_requests_branches_and_hooks(fake: Bitbucket, opened: Open) -> None:
    session = opened()
    pulls, branches, hooks = (table(session, "shop", name) for name in ("PullRequests", "Branches", "Hooks"))

    pull = session.insert(pulls, {"Title": "T", "SourceBranchName": "develop", "SummaryRaw": "why"}, idempotency="a")
    branch = session.insert(branches, {"Name": "feature/x", "TargetCommitHash": "abc"}, idempotency="b")
    hook = session.insert(hooks, {"Url": "https://example.com/", "EventsAggregate": '["repo:push"]'}, idempotency="c")

    assert (pull["Id"], pull["SummaryRaw"], pulls.writes) == (91, "why", {"insert", "update"})
    assert (branch["TargetCommitHash"], session.delete(branches, {"Name": "feature/x"}, idempotency="d")) == ("abc", True)
    assert (hook["EventsAggregate"], rows(session, hooks, "Url")) == ('["repo:push"]', [("https://example.com/",)])


NUMBERS = ("Id", "Votes", "Watches")
TEXTS = ("Title", "State", "Kind", "ReporterUUID", "AssigneeUUID", "ComponentName")


def comparison(rng: random.Random, sample: list[dict[str, Any]]) -> Compare:
    """Return a comparison with a value that some row has, or nearly has."""
    row = rng.choice(sample)
    if rng.random() < 0.35:
        number = row["Id"] if rng.random() < 0.3 else rng.randrange(6)
        return Compare(rng.choice(NUMBERS), rng.choice(("eq", "ne", "lt", "le", "gt", "ge")), number)
    if rng.random() < 0.3:
        return Compare("UpdatedOn", rng.choice(("lt", "le", "gt", "ge")), row["UpdatedOn"] + timedelta(microseconds=rng.choice((0, 0, 1))))
    column = rng.choice(TEXTS)
    operator = rng.choice(("eq", "ne", "in", "contains", "startswith", "is_null", "is_not_null"))
    value = row[column] or "x"
    if operator == "in":
        return Compare(column, operator, (value, value.upper()))
    if operator in ("contains", "startswith"):
        return Compare(column, operator, rng.choice((value[:4], value[:4].lower(), '"as', "\\")))
    return Compare(column, operator, None if operator.startswith("is_") else rng.choice((value, value.upper())))


def predicate(rng: random.Random, sample: list[dict[str, Any]]) -> Predicate:
    """Return a comparison, or some joined."""
    if rng.random() < 0.7:
        return comparison(rng, sample)
    kind = AnyOf if rng.random() < 0.8 else AllOf
    return kind(tuple(comparison(rng, sample) for _ in range(rng.randint(2, 3))))


def test_pushdown_never_changes_the_rows(fake: Bitbucket, opened: Open) -> None:
    session = opened()
    issues = table(session, "shop", "Issues")
    names = ("Id", "UpdatedOn", "Votes", "Watches", *TEXTS)
    everything = [dict(zip(names, row, strict=True)) for row in rows(session, issues, " ".join(names))]
    rng = random.Random(20261121)
    graded = dict.fromkeys(Grade, 0)

    for _ in range(120):
        where = tuple(predicate(rng, everything) for _ in range(rng.randint(1, 3)))
        offer = session.offer(Scan(issues, names, where))
        found = [dict(zip(names, row, strict=True)) for batch in session.read(offer) for row in batch.rows]
        exact = [item for item, grade in zip(where, offer.grades, strict=True) if grade is Grade.EXACT]
        for grade in offer.grades:
            graded[grade] += 1

        assert all(truth(item, row) for row in found for item in exact), where
        kept = [row for row in found if all(truth(item, row) for item in where)]
        assert ordered(kept, [Order("Id")]) == [row for row in everything if all(truth(item, row) for item in where)], where
    assert min(graded.values()) > 10


def test_moments_are_exact(opened: Open) -> None:
    session = opened()
    issues = table(session, "shop", "Issues")

    assert rows(session, issues, "CreatedOn", Compare("Id", "eq", 1)) == [(datetime(2025, 1, 6, 10, 47, tzinfo=UTC),)]


@pytest.mark.parametrize(
    "name", ["PullRequests", "Branches", "Tags", "Commits", "Pipelines", "Environments", "Deployments", "DeployKeys", "BranchRestrictions"]
)
def test_row_by_its_key_is_that_row_in_one_call(fake: Bitbucket, opened: Open, name: str) -> None:
    session = opened()
    of = table(session, "shop", name)
    columns = " ".join(column.name for column in of.columns)
    first = rows(session, of, columns, limit=1)[0]
    key = of.primary_key[0]
    fake.forget()

    found = rows(session, of, columns, Compare(key, "eq", first[columns.split().index(key)]))

    assert (found, len(fake.asked())) == ([first], 1)


def test_children_in_the_schema_of_a_repository_are_its_own(fake: Bitbucket, opened: Open) -> None:
    session = opened()
    comments = table(session, "warehouse", "IssueComments")
    fake.forget()

    found = rows(session, comments, "IssueId Id")

    assert len(found) == sum(number % 3 for number in range(1, 41))
    assert fake.asked("acme/shop/") == []
    assert rows(session, comments, "IssueId", Compare("IssueId", "in", (2, 3, 4))) == [(2,), (2,), (4,)]


def test_consumer_that_is_not_private_is_told_so(fake: Bitbucket) -> None:
    signed = {"AuthScheme": "client", "OAuthClientId": PUBLIC.key, "OAuthClientSecret": PUBLIC.secret, "Workspace": "acme"}
    addresses = {"URL": f"{fake.url}/2.0", "OAuthAccessTokenURL": f"{fake.url}/site/oauth2/access_token"}
    connector: Any = get_connector("bitbucket")
    service = connector.oauth(connector.clean({**signed, **addresses}))

    with pytest.raises(AuthenticationFailed) as told:
        calls.client_tokens(service, Outgoing(Settings(allow=(fake.address,))))

    assert "does not let this OAuth client sign in by itself (invalid_grant" in told.value.message
    assert told.value.hint.startswith("Mark the consumer as private")
    assert PUBLIC.secret not in told.value.message
