"""`$oas?security=apikey|basic|oauth2|aad|none`, `$openapi` too: how a document says that one signs in; without a choice, by authtoken.

A connector knows one way only (Microsoft's connector documentation, "securityDefinitions").
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from apiserver.odata import documents
from apiserver.odata.documents import Document
from apiserver.odata.errors import BadRequest
from apiserver.odata.etag import tag
from apiserver.odata.selection import Choice
from apiserver.odata.swagger import SECURITY
from apiserver.resources.catalog import Catalog
from apiserver.server import options

OPTION = "security"
ENTRA = "https://login.microsoftonline.com"
ENTRA_HOSTS = ("login.microsoftonline.com", "sts.windows.net")
SCOPES = {"read": ("get",), "create": ("post",), "update": ("patch", "put"), "delete": ("delete",)}
WORDS = {"read": "Read rows.", "create": "Add rows.", "update": "Change rows.", "delete": "Delete rows."}
Written = dict[str, Any]


def document(catalog: Catalog, root: str, name: str, media: str, choice: Choice, *, is_open: bool) -> Document:
    """Return a document of apiserver.odata.documents, its security as chosen; raise BadRequest for an unknown way."""
    given = list(choice)
    asked = [value for option, value in given if option == OPTION] if name in ("$oas", "$openapi") else []
    if not asked:
        return documents.document(catalog, root, name, media, given, is_open=is_open)
    if asked[-1] not in WAYS:
        raise BadRequest(f"There is no way {asked[-1][:40]!r} to sign in.", target=OPTION, hint=f"Give one of {', '.join(WAYS)}.")
    others = [pair for pair in given if pair[0] != OPTION]
    bare = documents.document(catalog, root, name, media, others, is_open=True)
    return secured(bare, asked[-1], root, entra() if asked[-1] == "aad" else ("", ""))


@lru_cache(maxsize=64)
def secured(bare: Document, way: str, root: str, directory: tuple[str, str]) -> Document:
    """Return a document that says how one signs in."""
    found: Written = json.loads(bare.body)
    told = WAYS[way](found, root, directory)
    found |= in_openapi(found["components"], told) if "openapi" in found else told
    body = (json.dumps(found, ensure_ascii=True, separators=(",", ":")) + "\n").encode("ascii")
    return Document(body, tag([body.decode()]), bare.left_out)


def in_openapi(components: Mapping[str, Any], told: Written) -> Written:
    """Return what OpenAPI 3 says instead of Swagger 2.0 of the same way to sign in."""
    if not told:
        return {}
    schemes = {name: scheme_of(scheme) for name, scheme in told["securityDefinitions"].items()}
    return {"components": {**components, "securitySchemes": schemes}, "security": told["security"]}


def scheme_of(old: Mapping[str, Any]) -> Written:
    """Return a security scheme in the words of OpenAPI 3 (Security Scheme Object)."""
    if old["type"] == "basic":
        return {"type": "http", "scheme": "basic"}
    if old["type"] == "oauth2":
        return {"type": "oauth2", "flows": {"authorizationCode": {name: old[name] for name in ("authorizationUrl", "tokenUrl", "scopes")}}}
    return dict(old)


def entra() -> tuple[str, str]:
    """Return tenant and audience of the first configured issuer that is Microsoft Entra ID."""
    for issuer in options.current().jwt:
        parts = urlsplit(issuer["issuer"])
        if parts.hostname in ENTRA_HOSTS:
            return ("organizations" if issuer["tenants"] else parts.path.strip("/").partition("/")[0]), issuer["audience"][0]
    raise BadRequest("No issuer of Microsoft Entra ID is configured.", target=OPTION, hint="Configure it in server.jwt first.")


def single(name: str, scheme: Mapping[str, Any]) -> Written:
    """Return one way to sign in."""
    return {"securityDefinitions": {name: dict(scheme)}, "security": [{name: list(scheme.get("scopes", ()))}]}


def oauth2(found: Written, root: str, directory: tuple[str, str]) -> Written:
    """Return sign-in at this server; scopes are those that the document's operations need."""
    site = root.partition("/api.rsc")[0]
    verbs = {verb for item in found["paths"].values() for verb in item}
    scopes = {name: WORDS[name] for name, needed in SCOPES.items() if verbs & set(needed)} or {"read": WORDS["read"]}
    return flow(f"{site}/oauth/authorize", f"{site}/oauth/token", scopes)


def aad(found: Written, root: str, directory: tuple[str, str]) -> Written:
    """Return sign-in at Microsoft Entra ID."""
    tenant, audience = directory
    base = f"{ENTRA}/{tenant}/oauth2/v2.0"
    return flow(f"{base}/authorize", f"{base}/token", {f"{audience}/.default": "Act for you within your rights here."})


def flow(authorize: str, token: str, scopes: Mapping[str, str]) -> Written:
    """Return OAuth 2.0 by authorization code: no other flow is known to connectors."""
    scheme = {"type": "oauth2", "flow": "accessCode", "authorizationUrl": authorize, "tokenUrl": token, "scopes": dict(scopes)}
    return single("oauth2_auth", scheme)


WAYS: dict[str, Callable[[Written, str, tuple[str, str]], Written]] = {
    "apikey": lambda found, root, directory: single("authtoken", SECURITY),
    "basic": lambda found, root, directory: single("basic", {"type": "basic"}),
    "oauth2": oauth2,
    "aad": aad,
    "none": lambda found, root, directory: {},
}
