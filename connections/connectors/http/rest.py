"""The generic REST connector: an address, how to sign in and where the rows stand; the columns come from the first rows.

Several tables are given as YAML in the form of a manifest's `tables`; one without `columns` is sampled.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from connections.connectors.cleaning import clean
from connections.connectors.http import sample
from connections.connectors.http.connector import HttpConnector, lacking
from connections.connectors.http.manifest import Manifest, faults, load, parsed, place_of
from connections.connectors.http.pages import target, total_in
from connections.connectors.http.paging import Page, is_settled
from connections.connectors.http.paths import find, steps_of
from connections.connectors.http.plan import Plan, plan
from connections.connectors.http.properties import TUNING, oauth_of
from connections.connectors.http.session import HttpSession
from connections.connectors.http.tables import FIRST_PAGE_ONLY, ManifestTable, table_of
from connections.contract.context import NONE, Context
from connections.contract.errors import InvalidProperties, SourceRejected
from connections.contract.property import Property, auth_scheme
from connections.contract.scan import Scan
from connections.contract.table import Table, TableRef

SCHEMES: dict[str, dict[str, Any]] = {
    "None": {"type": "none"},
    "Basic": {"type": "basic", "user": "{User}", "password": "{Password}"},
    "Bearer": {"type": "bearer", "value": "{Token}", "aliases": ["Token"]},
    "Header": {"type": "header", "name": "X-Api-Key", "value": "{Token}", "aliases": ["APIKey"]},
    "Query": {"type": "query", "name": "api_key", "value": "{Token}"},
    "OAuth": {"type": "oauth", "flow": "code"},
    "OAuthClient": {"type": "oauth", "flow": "client", "aliases": ["client"]},
}
# What each way of paging needs: its parameter and its path in the answer.
PAGING = ("Auto", "None", "NextURL", "LinkHeader", "Cursor", "LastId", "Page", "Offset", "OData")
KINDS = {name: name.lower() for name in PAGING} | {"NextURL": "next_url", "LinkHeader": "link_header", "LastId": "last_id"}
SKELETON: dict[str, Any] = {
    "manifest": 1,
    "key": "rest",
    "label": "REST",
    "auth": {"default": "None", "schemes": SCHEMES},
    "oauth": {"token_url": "https://invalid.invalid/token"},
    "tables": {"Rows": {"read": [{"path": "/"}], "columns": {"Value": "$"}}},
}
# A status of success does not make an answer one: without these an error beside an empty list would read as an empty table.
FAILED = r"(?i)^(error|failed|failure|fail)$"
ERRORS: tuple[dict[str, Any], ...] = (
    {"status": [200], "path": "error", "matches": r"\S", "is": "rejected"},
    {"status": [200], "path": "errors", "matches": r"\S", "is": "rejected"},
    {"status": [200], "path": "success", "equals": False, "is": "rejected"},
    {"status": [200], "path": "ok", "equals": False, "is": "rejected"},
    {"status": [200], "path": "status", "matches": FAILED, "is": "rejected"},
)
OWN = (
    Property(
        "URL", is_required=True, help="Address of the API; paths of tables are appended to it.", placeholder="https://api.example.com/v1"
    ),
    Property("Path", help="Path of the one table, appended to the URL. Empty: the URL itself.", placeholder="/customers"),
    Property("Table", default="Rows", help="Name of that table."),
    Property("Method", kind="choice", choices=("GET", "POST"), default="GET", is_advanced=True, help="How the rows are asked for."),
    Property(
        "Body",
        kind="text",
        is_advanced=True,
        shown_when=("Method", ("POST",)),
        help="JSON object sent with each call. The page is put into it; a parameter that begins with ? goes into the address.",
        placeholder='{"query": {"status": "open"}}',
    ),
    Property(
        "Rows",
        label="Place of the rows",
        help="Where the rows stand in the answer, such as data.items. Empty: found in the first answer; $ is the answer itself.",
    ),
    Property("Key", help="Columns that tell rows apart, with commas between them. Empty: found in the first rows; none: there is no key."),
    Property(
        "Paging",
        kind="choice",
        choices=PAGING,
        default="Auto",
        help="How page two is asked for. Auto follows what the first answer shows; a table without a page two is marked partial.",
    ),
    Property(
        "PageParameter",
        "Page parameter",
        help="Parameter of cursor, last id, page number or offset.",
        shown_when=("Paging", ("Cursor", "LastId", "Page", "Offset")),
    ),
    Property(
        "NextPath",
        "Path of next",
        help="Where the next address or cursor, or the flag of further rows, stands in the answer.",
        shown_when=("Paging", ("NextURL", "Cursor", "LastId", "Page", "Offset")),
    ),
    Property("SizeParameter", "Page size parameter", help="Parameter that asks for larger pages, with PageSize.", is_advanced=True),
    Property("Headers", "Further headers", kind="text", help="Sent with each call: one `Name: value` a line.", is_advanced=True),
    Property(
        "Tables",
        "Tables (YAML)",
        kind="text",
        is_advanced=True,
        help="Several tables instead of Path: as `tables` of a manifest, see docs/connectors/manifest.md.",
    ),
    auth_scheme(*SCHEMES, default="None"),
    Property("User", group="Authentication", shown_when=("AuthScheme", ("Basic",))),
    Property("Password", is_secret=True, group="Authentication", shown_when=("AuthScheme", ("Basic",))),
    Property("Token", "Token or key", is_secret=True, group="Authentication", shown_when=("AuthScheme", ("Bearer", "Header", "Query"))),
    Property(
        "TokenName",
        "Name of header or parameter",
        group="Authentication",
        shown_when=("AuthScheme", ("Header", "Query")),
        help="Empty: X-Api-Key, api_key.",
    ),
)


ADDRESSES = ("OAuthAuthorizationURL", "OAuthAccessTokenURL")


class RestConnector(HttpConnector):
    """Any HTTP API that answers with JSON."""

    key = "rest"
    label = "REST API"
    description = "Any HTTP API that answers with JSON: columns are found in its first rows."
    properties = (
        *OWN,
        *(replace(item, default=None) if item.name in ADDRESSES else item for item in oauth_of(Manifest(SKELETON))),
        *TUNING,
    )
    url_schemes = ("https", "http")

    def clean(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values typed and with defaults; raise InvalidProperties that names what is wrong."""
        found = clean(self.properties, values)
        wrong = lacking(self.properties, found)
        if found["AuthScheme"] in ("OAuth", "OAuthClient") and not found["OAuthAccessTokenURL"]:
            wrong["OAuthAccessTokenURL"] = "a value is required"
        if found["Paging"] in ("Cursor", "LastId", "Page", "Offset") and not found["PageParameter"]:
            wrong["PageParameter"] = "a value is required"
        if found["Paging"] == "Cursor" and not found["NextPath"]:
            wrong["NextPath"] = "a value is required"
        if wrong:
            raise InvalidProperties(wrong)
        self.service(found, self.manifest(found))
        return found

    def manifest(self, values: Mapping[str, Any]) -> Manifest:
        """Return the manifest that the properties make; tables without columns are filled in by the session."""
        schemes = {name: dict(scheme) for name, scheme in SCHEMES.items()}
        if values.get("TokenName"):
            schemes["Header"]["name"] = schemes["Query"]["name"] = values["TokenName"]
        content = {
            **SKELETON,
            "auth": {"default": "None", "schemes": schemes},
            "headers": headers_of(values.get("Headers") or ""),
            "tables": tables_of(values.get("Tables") or "") or {values.get("Table") or "Rows": table_of_properties(values)},
        }
        content["errors"] = errors_of(content["tables"])
        if values.get("OAuthAccessTokenURL"):
            content["oauth"] = {
                "token_url": values["OAuthAccessTokenURL"],
                "authorize_url": values.get("OAuthAuthorizationURL") or "https://invalid.invalid/",
            }
        filled = {name: {**table, "columns": table.get("columns") or {"Value": "$"}} for name, table in content["tables"].items()}
        checked = {
            **content,
            "tables": {
                name: {**table, **({} if content["tables"][name].get("columns") else {"key": []})} for name, table in filled.items()
            },
        }
        wrong = faults(checked)
        if wrong:
            raise InvalidProperties({"Tables" if values.get("Tables") else "Path": wrong})
        return Manifest(content)

    def open(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> HttpSession:
        """Return a session that samples its tables on first use."""
        return SampledSession.over(super().open(values, read_only=read_only, context=context))


def headers_of(text: str) -> dict[str, str]:
    """Return the headers of a text, one a line."""
    found = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if line.strip() and (not colon or not name.strip().replace("-", "").isalnum()):
            raise InvalidProperties({"Headers": "write one `Name: value` a line"})
        if line.strip():
            found[name.strip()] = value.strip()
    return found


def tables_of(text: str) -> dict[str, Any]:
    """Return the tables that a YAML text declares."""
    if not text.strip():
        return {}
    try:
        found = parsed(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidProperties({"Tables": f"this is no YAML: {place_of(error)}"}) from error
    if not isinstance(found, dict) or not all(isinstance(table, dict) for table in found.values()):
        raise InvalidProperties({"Tables": "a mapping of tables is expected"})
    return found


def errors_of(tables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what tells an error that comes with a status of success, save where a table's rows are said to stand."""
    reads = [read for table in tables.values() for read in table.get("read") or () if isinstance(read, dict)]
    declared = [read["rows"].get("path") if isinstance(read.get("rows"), dict) else read.get("rows") for read in reads]
    taken = {str(steps_of(path)[0]) for path in declared if isinstance(path, str | list) and steps_of(path)}
    return [entry for entry in ERRORS if entry["path"] not in taken]


def table_of_properties(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the one table that the simple properties declare."""
    kind = KINDS[values.get("Paging") or "Auto"]
    is_posted = values.get("Method") == "POST"
    paging: dict[str, Any] = {"type": kind, **({"in": "body"} if is_posted and kind == "auto" else {})}
    if values.get("PageParameter"):
        paging |= placed(values["PageParameter"], is_posted)
    if values.get("NextPath"):
        paging["next" if kind in ("next_url", "cursor") else "more"] = values["NextPath"]
    if values.get("SizeParameter"):
        paging["size"] = {**placed(values["SizeParameter"], is_posted), "max": int(values.get("PageSize") or 100)}
    read: dict[str, Any] = {"path": values.get("Path") or "", "paging": paging}
    if is_posted:
        read |= {"method": "POST", "body": body_of(values.get("Body") or "{}")}
    if values.get("Rows"):
        read["rows"] = values["Rows"]
    key = [name.strip() for name in str(values.get("Key") or "").split(",") if name.strip()]
    if key == ["none"]:
        return {"read": [read], "key": []}
    return {"read": [read], **({"key": key} if key else {})}


def placed(name: str, is_posted: bool) -> dict[str, str]:
    """Return where the page goes: into the body of a POST, unless its parameter begins with a question mark."""
    return {"param": name, "in": "body"} if is_posted and not name.startswith("?") else {"param": name.removeprefix("?")}


def body_of(text: str) -> dict[str, Any]:
    """Return the object that a text of JSON is."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidProperties({"Body": "must be a JSON object"}) from error
    if not isinstance(found, dict):
        raise InvalidProperties({"Body": "must be a JSON object"})
    return found


class SampledSession(HttpSession):
    """A session whose manifest lacks columns: they come from the first rows, once."""

    @classmethod
    def over(cls, session: HttpSession) -> SampledSession:
        """Return the session over the same connection."""
        found = cls(
            session.manifest, session.service, session.caller, session.context, page_size=session.page_size, read_only=session.read_only
        )
        found.sampling = threading.Lock()
        return found

    sampling: threading.Lock

    def table(self, ref: TableRef) -> ManifestTable:
        """Return the table, sampled where it declares no columns."""
        spec = self.manifest.tables.get(ref.name)
        if spec is None or spec.get("columns"):
            return super().table(ref)
        with self.sampling:
            found = self.manifest.compiled.get((ref.name, ""))
            if found is None:
                declared = self.sampled(ref, spec)
                content = {**self.manifest.content, "tables": {**self.manifest.tables, ref.name: declared}}
                found = self.manifest.compiled[ref.name, ""] = table_of(load(content, name="Tables"), ref.name, "")
        return found

    def sampled(self, ref: TableRef, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Return the table's declaration with rows, columns, key and total found in its first page."""
        bare = table_of(
            Manifest({**self.manifest.content, "tables": {ref.name: {**spec, "key": [], "columns": {"Value": "$"}}}}), ref.name, ""
        )
        found: Plan = plan(Scan(Table(ref), ()), bare, self.settings)
        size = found.access.paging.get("size", {}).get("max")
        document, reply, _ = self.caller.call(
            target(found, found.variants[0], {}, self.texts, size, []), self.asked(bare), rows=lambda _: 0
        )
        read = dict(spec["read"][0])
        path = (
            steps_of(read["rows"]["path"] if isinstance(read.get("rows"), dict) else read["rows"])
            if "rows" in read
            else sample.rows_path(document)
        )
        rows, is_map = sample.rows_of(find(document, tuple(path)), ref.name)
        columns = sample.columns_of(rows)
        key = list(spec["key"] if "key" in spec else sample.key_of(columns, rows))
        if key and "key" not in spec and not is_map:
            self.guessed_keys.add(ref.name)
        lost = [name for name in key if name not in columns]
        if lost:
            raise SourceRejected(f"The rows of {ref.name} have no column {lost[0]}.", hint=f"Columns are {', '.join(list(columns)[:20])}.")
        total = sample.total_path(document, len(rows))
        if found.access.paging["type"] == "auto":
            known = total_in(document, reply.headers, read.get("total") or total or None)
            self.partial[ref] = "" if is_settled(Page(document, reply.headers, rows, size, known)) else FIRST_PAGE_ONLY
        where = {"path": list(path), "of": "map"} if is_map else list(path)
        read = {**({"total": total} if total and "total" not in read else {}), **read, "rows": where}
        reads = [read, *spec["read"][1:]]
        return {**spec, "read": reads, "columns": columns, "key": key}
