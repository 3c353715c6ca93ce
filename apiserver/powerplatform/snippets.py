"""Programs that read, filter and create rows of a resource, ready to run: curl, Python, JavaScript, PowerShell. Shown by the console."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext as _

from apiserver.odata.swagger_schemas import body_schema
from apiserver.powerplatform.examples import condition_of, needs_condition, new_row_of
from apiserver.resources.catalog import PublishedResource

SAFE = "(),/:*"
HEADER = "x-cdata-authtoken"


@dataclass(frozen=True, slots=True)
class Snippet:
    """A program and what it does."""

    id: str
    title: str
    text: str

    @property
    def height(self) -> int:
        """Return its number of lines."""
        return self.text.count("\n") + 1


@dataclass(frozen=True, slots=True)
class Place:
    """The resource as one user sees it, at the address that clients use; `token` is the authtoken or what stands for it."""

    resource: PublishedResource
    address: str
    token: str

    @property
    def filtered(self) -> str:
        """Return the address of rows that meet a condition."""
        return f"{self.address}?$filter={quote(condition_of(self.resource), safe=SAFE)}"

    @property
    def whole(self) -> str:
        """Return the address of all rows; of those that the source gives, where it demands a condition."""
        return self.filtered if needs_condition(self.resource) else self.address

    @property
    def row(self) -> dict[str, Any] | None:
        """Return a new row, None where this user may not create one."""
        if "POST" not in self.resource.methods:
            return None
        return new_row_of(self.resource, body_schema(self.resource, is_create=True)["properties"])


def snippets(kind: str, place: Place) -> list[Snippet]:
    """Return the programs of a kind: those that read where the user may, the one that writes where the user may."""
    reading, writing = KINDS[kind]
    found = []
    if "GET" in place.resource.methods:
        found.append(Snippet("read", _("Read all rows, page by page") if kind != "curl" else _("Read rows"), reading(place, place.whole)))
        if condition_of(place.resource) and not needs_condition(place.resource):
            found.append(Snippet("filter", _("Read the rows that meet a condition"), reading(place, place.filtered)))
    if place.row is not None:
        found.append(Snippet("create", _("Create a row"), writing(place, place.row)))
    return found


def curl_read(place: Place, url: str) -> str:
    """Return a line for a shell."""
    more = "&" if "?" in url else "?"
    return f"curl --fail-with-body -H {shlex.quote(f'{HEADER}: {place.token}')} {shlex.quote(f'{url}{more}$top=10')}"


def curl_write(place: Place, row: dict[str, Any]) -> str:
    """Return a line for a shell."""
    sent = f"-H 'Content-Type: application/json' -d {shlex.quote(json.dumps(row))}"
    return f"curl --fail-with-body -H {shlex.quote(f'{HEADER}: {place.token}')} {sent} {shlex.quote(place.address)}"


def python_read(place: Place, url: str) -> str:
    """Return a program for Python 3 with requests."""
    return f"""import requests

session = requests.Session()
session.headers["{HEADER}"] = "{place.token}"
url = {json.dumps(url)}
while url:
    answer = session.get(url, timeout=60)
    answer.raise_for_status()
    page = answer.json()
    for row in page["value"]:
        print(row)
    url = page.get("@odata.nextLink")"""


def python_write(place: Place, row: dict[str, Any]) -> str:
    """Return a program for Python 3 with requests; `repr` writes True and not true."""
    lines = "\n".join(f"        {json.dumps(name, ensure_ascii=False)}: {value!r}," for name, value in row.items())
    return f"""import requests

answer = requests.post(
    {json.dumps(place.address)},
    headers={{"{HEADER}": "{place.token}"}},
    json={{
{lines}
    }},
    timeout=60,
)
answer.raise_for_status()
print(answer.json())"""


def javascript_read(place: Place, url: str) -> str:
    """Return a module for Node.js 18 or a browser."""
    return f"""const headers = {{"{HEADER}": "{place.token}"}};
let url = {json.dumps(url)};
while (url) {{
  const answer = await fetch(url, {{headers}});
  if (!answer.ok) throw new Error(`${{answer.status}} ${{await answer.text()}}`);
  const page = await answer.json();
  for (const row of page.value) console.log(row);
  url = page["@odata.nextLink"];
}}"""


def javascript_write(place: Place, row: dict[str, Any]) -> str:
    """Return a module for Node.js 18 or a browser."""
    sent = json.dumps(row, indent=2, ensure_ascii=False).replace("\n", "\n  ")
    return f"""const answer = await fetch({json.dumps(place.address)}, {{
  method: "POST",
  headers: {{"{HEADER}": "{place.token}", "Content-Type": "application/json"}},
  body: JSON.stringify({sent}),
}});
if (!answer.ok) throw new Error(`${{answer.status}} ${{await answer.text()}}`);
console.log(await answer.json());"""


def powershell_read(place: Place, url: str) -> str:
    """Return a script for PowerShell 5.1 or 7."""
    return f"""$headers = @{{ {quoted(HEADER)} = {quoted(place.token)} }}
$url = {quoted(url)}
while ($url) {{
    $page = Invoke-RestMethod -Uri $url -Headers $headers
    $page.value
    $url = $page.'@odata.nextLink'
}}"""


def powershell_write(place: Place, row: dict[str, Any]) -> str:
    """Return a script for PowerShell 5.1 or 7; the body is ASCII, as 5.1 sends no other."""
    return f"""$headers = @{{ {quoted(HEADER)} = {quoted(place.token)} }}
$row = {quoted(json.dumps(row))}
Invoke-RestMethod -Method Post -Uri {quoted(place.address)} -Headers $headers -ContentType 'application/json' -Body $row"""


def quoted(text: str) -> str:
    """Return a text as PowerShell takes it word for word (about_Quoting_Rules)."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


KINDS: dict[str, tuple[Callable[[Place, str], str], Callable[[Place, dict[str, Any]], str]]] = {
    "curl": (curl_read, curl_write),
    "python": (python_read, python_write),
    "javascript": (javascript_read, javascript_write),
    "powershell": (powershell_read, powershell_write),
}
