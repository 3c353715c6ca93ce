"""What it takes to establish a connection is told by way of signing in, and the same in docs."""

from __future__ import annotations

from connections.connectors.establishing import parts
from connections.contract.property import Property
from tools import connector_docs


class Notes:
    """A connector with two ways to sign in."""

    properties = (
        Property("Workspace", is_required=True),
        Property("AuthScheme", kind="choice", choices=("Key", "OAuth"), default="Key", group="Authentication"),
        Property("ApiKey", is_secret=True, group="Authentication", shown_when=("AuthScheme", ("Key",)), help="The key."),
        Property("Proxy", group="Advanced", is_advanced=True, default=False, kind="boolean"),
    )


def test_each_scheme_is_a_part_of_its_own() -> None:
    found = [(part.title, part.scheme, [item.name for item in part.properties]) for part in parts(Notes())]  # type: ignore[arg-type]

    assert found == [
        ("First", "", ["Workspace", "AuthScheme"]),
        ("AuthScheme = Key", "Key", ["ApiKey"]),
        ("AuthScheme = OAuth", "OAuth", []),
        ("Advanced", "", ["Proxy"]),
    ]


def test_tables_are_written_between_the_marks() -> None:
    text = connector_docs.written(Notes())  # type: ignore[arg-type]

    assert text.startswith(connector_docs.BEGIN) and text.endswith(connector_docs.END)
    assert "| `ApiKey` |  | The key. Kept sealed. |" in text
    assert "| `Proxy` | `false` | `true` or `false`. |" in text
    assert "### `AuthScheme = OAuth`\n\nNeeds nothing else." in text
