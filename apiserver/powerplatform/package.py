"""The connector package: the files that paconn creates and updates a custom connector from. Equal choices give equal bytes.

Called by the console, by `manage.py powerplatform package` and by `$connector` for pipelines.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, replace
from typing import Any

from apiserver.powerplatform.package_definition import Definition, definition
from apiserver.powerplatform.package_findings import MOST_BYTES, Finding, findings
from apiserver.powerplatform.package_icon import icon
from apiserver.powerplatform.package_properties import properties
from apiserver.powerplatform.package_texts import intro, readme
from apiserver.resources.catalog import Catalog
from apiserver.server.package_choices import Choices

DEFINITION, PROPERTIES, SETTINGS, ICON = "apiDefinition.swagger.json", "apiProperties.json", "settings.json", "icon.png"
# The oldest time that a zip can hold: every zip has the same bytes.
TIME = (1980, 1, 1, 0, 0, 0)
READABLE = 0o644 << 16


@dataclass(frozen=True, slots=True)
class Package:
    """The files by name, and what the platform would say of them."""

    files: dict[str, bytes]
    findings: list[Finding]
    title: str
    operations: int

    @property
    def zip_name(self) -> str:
        """Return a file name made of the connector's."""
        kept = "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in self.title).strip("-")
        return f"{kept or 'connector'}.zip"

    def zipped(self) -> bytes:
        """Return the files as a zip."""
        found = io.BytesIO()
        with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in sorted(self.files.items()):
                entry = zipfile.ZipInfo(name, TIME)
                entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, READABLE, 3
                archive.writestr(entry, content)
        return found.getvalue()


def build(catalog: Catalog, root: str, choices: Choices) -> Package:
    """Return the package of what the catalog's user sees; `root` is the service root without an authtoken.

    Raises NotFound for chosen resources or connections that the user does not see.
    """
    described = definition(catalog, root, choices)
    title = described["info"]["title"]
    files = {
        DEFINITION: written(described),
        PROPERTIES: written(properties(described, root, choices)),
        SETTINGS: written(settings(choices)),
        ICON: icon(title, choices.color),
    }
    if choices.certification:
        files |= {"readme.md": readme(described, choices).encode(), "intro.md": intro(described).encode()}
    found = findings(described, len(files[DEFINITION]), root, replace(choices, name=title))
    return Package(files, found, title, operations(described))


def written(value: Any) -> bytes:
    """Return JSON as files of the package hold it: ASCII, names in order, a line feed at its end; without spaces where it is too large."""
    text = json.dumps(value, ensure_ascii=True, sort_keys=True, indent=2)
    if len(text) >= MOST_BYTES:
        text = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return f"{text}\n".encode("ascii")


def settings(choices: Choices) -> dict[str, str]:
    """Return what paconn reads with `-s settings.json`; without environment it asks for one."""
    found = {
        "connectorId": choices.connector_id,
        "environment": choices.environment,
        "apiProperties": PROPERTIES,
        "apiDefinition": DEFINITION,
        "icon": ICON,
        "powerAppsUrl": "https://api.powerapps.com",
        "powerAppsApiVersion": "2016-11-01",
    }
    return {name: value for name, value in found.items() if value}


def operations(described: Definition) -> int:
    """Return how many operations the definition has."""
    return sum(isinstance(item, dict) and "operationId" in item for path in described["paths"].values() for item in path.values())
