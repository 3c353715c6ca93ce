"""docs/configuration.md against the code: every key, default, connection property and variable, and an example that applies."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from apiserver import handover
from apiserver.jobs import configuration as jobs
from apiserver.resources import configuration as resources
from apiserver.resources.models import Resource
from apiserver.server import configuration_jwt, configuration_server, notification_settings, options
from apiserver.server.registry import NOT_YET, SECTIONS
from connections import configuration as connections
from connections.connectors.registry import connector_keys, get_connector
from connections.contract.property import Property
from tests.served import ROOT, manage
from users import configuration as users
from users import configuration_groups as groups
from users.oauth import configuration as oauth_clients

PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
KEYS: dict[str, Any] = {
    "server": options.DEFAULTS,
    **{f"server.{name}": checks for name, checks in configuration_server.GROUPS.items()},
    "connections": connections.KEYS,
    "resources": resources.KEYS,
    "resources.columns": resources.DETAILS,
    "resources.replica": resources.REPLICA,
    "resources.relations": resources.RELATION,
    "jobs": jobs.KEYS,
    "jobs.tasks": jobs.TASK,
    "jobs.settings": jobs.SETTINGS,
    "groups": groups.KEYS,
    "users": users.KEYS,
    "users.resources": users.GRANT,
    "server.jwt": configuration_jwt.KEYS,
    "oauth_clients": oauth_clients.KEYS,
    "notifications": notification_settings.KEYS,
    "notifications.smtp": notification_settings.SMTP,
}
READ = re.compile(r"(?:env|env_bool|env_list|env_int|optional_path)\(\s*\"([A-Z_]+)\"")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading."""
    section = re.split(rf"(?m)^##+ {re.escape(heading)}$", PAGE)[1]
    table = re.split(r"(?m)^##+ ", section)[0]
    lines = [line for line in table.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def keys(heading: str) -> list[str]:
    return [cells[0].strip("`") for cells in rows(heading)]


def test_sections_are_those_of_the_file() -> None:
    headings = re.findall(r"(?m)^## ([a-z_]+)$", PAGE)

    assert headings == list(SECTIONS)
    assert all(f"`{name}`" in PAGE for name in NOT_YET)


@pytest.mark.parametrize("heading", KEYS)
def test_every_key_is_on_the_page_and_no_other(heading: str) -> None:
    assert sorted(keys(heading)) == sorted(KEYS[heading])
    assert [cells for cells in rows(heading) if len(cells) != 5 or not (cells[1] and cells[2] and cells[3] and cells[4])] == []


SETTINGS = ("server", "server.cors", "server.limits", "server.request_limits", "server.outgoing", "server.triggers", "server.oauth")


@pytest.mark.parametrize("heading", SETTINGS)
def test_defaults_of_settings_are_those_in_force(heading: str) -> None:
    defaults = options.DEFAULTS if heading == "server" else options.DEFAULTS[heading.removeprefix("server.")]
    told = {cells[0].strip("`"): cells[2].strip("`") for cells in rows(heading)}

    assert {name: text for name, text in told.items() if not text.startswith("see ")} == {
        name: json.dumps(value) for name, value in defaults.items() if not told[name].startswith("see ")
    }


def test_defaults_of_resources_are_those_of_the_model() -> None:
    told = {cells[0].strip("`"): cells[2] for cells in rows("resources")}
    blank = Resource()

    for name in ("sql", "title", "description", "methods", "key", "search", "check_column", "relations"):
        assert told[name] == f"`{json.dumps(getattr(blank, name))}`"
    assert [told["serve"], told["etag"]] == [f"`{blank.serve}`", f"`{blank.etag}`"]


def property_row(item: Property, where: list[str]) -> str:
    """Return the line of one connection property."""
    kind = ", ".join(f"`{choice}`" for choice in item.choices) or {"string": "text", "boolean": "true or false"}.get(item.kind, item.kind)
    bounds = f" {item.minimum} to {item.maximum}" if item.minimum is not None else ""
    default = "" if item.default is None else f"`{json.dumps(item.default) if isinstance(item.default, bool) else item.default}`"
    notes = [note for note, holds in (("required", item.is_required and item.default is None), ("kept sealed", item.is_secret)) if holds]
    meaning = "; ".join([*filter(None, [item.help.rstrip(".") or item.label]), *notes])
    return f"| `{item.name}` | {', '.join(where)} | {kind}{bounds} | {default} | {meaning} |"


def property_rows() -> list[str]:
    found: dict[str, list[str]] = {}
    for key in connector_keys():
        for item in get_connector(key).properties:
            found.setdefault(property_row(item, ["@"]), []).append(key)
    return [line.replace("@", ", ".join(where) if len(where) < len(connector_keys()) else "all") for line, where in found.items()]


def test_every_connection_property_is_on_the_page_as_declared() -> None:
    section = PAGE.split("### connections.properties")[1].split("## resources")[0]

    assert [line for line in section.splitlines() if line.startswith("| `")] == property_rows()


def test_every_variable_is_on_the_page_and_no_other() -> None:
    sources = [path for room in ("apiserver", "connections", "users") for path in (ROOT / room).rglob("*.py")]
    read = {name for path in sources for name in READ.findall(path.read_text(encoding="utf-8"))}

    assert sorted(keys("Variables")) == sorted((read | set(handover.NAMES)) - {"HOME", "PROGRAMDATA"})


def test_settings_file_names_are_on_the_page() -> None:
    assert all(name in PAGE.lower() for name in options.FILE_NAMES)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))])
def test_links_of_the_pages_lead_somewhere(page: str) -> None:
    path = ROOT / page
    links = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", path.read_text(encoding="utf-8"))

    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Write the page's example, its database and nothing else."""
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as link:
        link.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, country TEXT)")
        link.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, total NUMERIC(8,2))")
        link.commit()
    text = PAGE.split("```yaml\n")[1].split("```")[0].replace("/data/shop.db", str(path))
    file = tmp_path / "server.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_example_applies_and_its_sections_are_all(example: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    done = manage(data, "apply", str(example), "--json", extra={"FLOW_TOKEN": "configuration-page-token-1"})

    assert done.returncode == 0, done.stderr
    assert list(yaml.safe_load(example.read_text(encoding="utf-8"))) == list(SECTIONS)
    assert json.loads(done.stdout)["created"] == [
        "connections/shop",
        "connections/archive",
        "resources/Customers",
        "resources/Orders",
        "resources/Late",
        "jobs/nightly",
        "groups/readers",
        "users/flow",
        "users/lead",
        "oauth_clients/Desk",
    ]
