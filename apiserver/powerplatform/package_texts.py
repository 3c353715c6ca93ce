"""readme.md and intro.md: what certification asks to be told of a connector."""

from __future__ import annotations

from apiserver.powerplatform.package_definition import Definition
from apiserver.server.package_choices import Choices

CREDENTIALS = {
    "api-key": "Ask the administrator of the server for a user and its authtoken; enter the authtoken when you make a connection.",
    "basic": "Ask the administrator of the server for a user; a connection asks for its name, and for its authtoken as the password.",
    "oauth": "Sign in with your account on the server when you make a connection; the administrator gives the account its rights.",
    "aad": "Sign in with the account of your organization when you make a connection; the administrator gives the account its rights.",
    "none": "The server answers without a sign-in.",
}
LIMITS = (
    "A page holds the rows that the server's page size allows; further pages are read through the connection.",
    "Rows and columns are those that the user of the connection may read or change.",
    "A table that is published later is in the connector after its next update.",
)


def readme(definition: Definition, choices: Choices) -> str:
    """Return readme.md."""
    info = definition["info"]
    lines = [f"# {info['title']}", "", info["description"], "", "## Publisher", "", choices.publisher or info["contact"]["name"]]
    lines += ["", "## Prerequisites", "", *prerequisites(choices), "", "## Supported operations", ""]
    for title, description in described(definition):
        lines += [f"### {title}", "", description, ""]
    lines += ["## Obtaining credentials", "", CREDENTIALS[choices.auth], "", "## Known issues and limitations", ""]
    return "\n".join([*lines, *(f"- {text}" for text in LIMITS), ""])


def intro(definition: Definition) -> str:
    """Return intro.md."""
    info = definition["info"]
    return f"# {info['title']}\n\n{info['description']}\n\nIt has {len(described(definition))} operations; readme.md lists them.\n"


def prerequisites(choices: Choices) -> list[str]:
    """Return what one needs."""
    found = ["- A server that publishes these tables, and its address."]
    if choices.gateway:
        found.append("- An on-premises data gateway that reaches the server.")
    return found if choices.auth == "none" else [*found, "- A user of the server with rights to them."]


def described(definition: Definition) -> list[tuple[str, str]]:
    """Return summary and description of each operation that makers see, in order."""
    return [
        (operation["summary"], operation["description"])
        for item in definition["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict) and "summary" in operation and operation.get("x-ms-visibility") != "internal"
    ]
