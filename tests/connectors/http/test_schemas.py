"""Tables named without a schema: the connection's own, else the first fixed one that has them. Processes share the list of schemas."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connections.connectors.http.session import HttpSession
from connections.connectors.registry import get_connector
from connections.contract.context import Context
from connections.contract.errors import TableGone
from connections.contract.table import TableRef
from tests.fakes.bitbucket import Bitbucket


@pytest.fixture(scope="module")
def bitbucket() -> Iterator[Bitbucket]:
    with Bitbucket() as fake:
        yield fake


@pytest.mark.parametrize(
    ("schema", "table", "found"),
    [
        ("shop", "Issues", TableRef("shop", "Issues")),
        ("shop", "Workspaces", TableRef("Information", "Workspaces")),
        ("Information", "Issues", TableRef("Information", "Issues")),
        ("", "Issues", TableRef("Information", "Issues")),
    ],
)
def test_table_without_schema_is_found(bitbucket: Bitbucket, schema: str, table: str, found: TableRef) -> None:
    connector = get_connector("bitbucket")
    values = {"Workspace": "acme", "Schema": schema, "AuthScheme": "AccessToken", "AccessToken": "workspace-access-token"}
    values["URL"] = f"{bitbucket.url}/2.0"
    session = connector.open(connector.clean(values), context=Context(outgoing=(bitbucket.url.removeprefix("http://"),)))

    described = session.describe([TableRef("", table)])[0]

    assert described.ref == found
    with pytest.raises(TableGone):
        session.describe([TableRef("", "Nothing")])


def opened(bitbucket: Bitbucket, shared: Path, number: int = 1, **values: str) -> HttpSession:
    """Return a session as another process opens it."""
    connector = get_connector("bitbucket")
    given = {"Workspace": "acme", "AuthScheme": "AccessToken", "AccessToken": "workspace-access-token", "URL": f"{bitbucket.url}/2.0"}
    context = Context(connection_id=number, shared=shared, outgoing=(bitbucket.url.removeprefix("http://"),))
    return connector.open(connector.clean({**given, **values}), context=context)  # type: ignore[return-value]


def calls(bitbucket: Bitbucket) -> int:
    return len(bitbucket.requests)


def test_another_process_knows_the_schemas_without_a_call(bitbucket: Bitbucket, tmp_path: Path) -> None:
    first = opened(bitbucket, tmp_path)
    listed = first.list_tables()
    before = calls(bitbucket)

    described = opened(bitbucket, tmp_path).describe([TableRef("shop", "Issues")])

    assert (described[0].ref, calls(bitbucket)) == (TableRef("shop", "Issues"), before)
    assert opened(bitbucket, tmp_path).list_tables() == listed
    assert calls(bitbucket) > before  # a list that is asked for is read anew


def test_a_process_follows_what_another_one_read(bitbucket: Bitbucket, tmp_path: Path) -> None:
    first, second = opened(bitbucket, tmp_path), opened(bitbucket, tmp_path)
    second.describe([TableRef("shop", "Issues")])
    names = first.schemas.names(refresh=True)
    first.schemas._shared.put({**names, "brand-new": names["shop"]})
    before = calls(bitbucket)

    described = second.describe([TableRef("brand-new", "Issues")])

    assert (described[0].ref.schema, calls(bitbucket)) == ("brand-new", before)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"names": [], "at": 1}', '{"at": 1, "names": {"x": "y"}}'])
def test_a_list_that_is_old_or_broken_is_asked_for_again(bitbucket: Bitbucket, tmp_path: Path, text: str) -> None:
    opened(bitbucket, tmp_path).schemas.names()
    (file,) = tmp_path.glob("schemas-*")
    file.write_text(text)

    assert "shop" in opened(bitbucket, tmp_path).schemas.names()


def test_lists_of_other_connections_and_workspaces_are_others(bitbucket: Bitbucket, tmp_path: Path) -> None:
    for number, values in ((1, {}), (2, {}), (1, {"Schema": "shop"})):
        opened(bitbucket, tmp_path, number, **values).schemas.names()

    files = list(tmp_path.glob("schemas-*"))
    assert len(files) == 3
    assert all((file.stat().st_mode & 0o77, "token" in file.read_text()) == (0, False) for file in files)
