"""Tables named without a schema: the connection's own, else the first fixed one that has them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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
