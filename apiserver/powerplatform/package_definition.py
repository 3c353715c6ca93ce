"""apiDefinition.swagger.json: the user's $oas under the connector's name, with the sign-in that was chosen and without any authtoken."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from apiserver.odata.documents import document
from apiserver.odata.selection import CONNECTION, RESOURCES
from apiserver.resources.catalog import Catalog
from apiserver.server.package_choices import Choices

# Scope -> the methods it stands for, and what is said of it.
SCOPES = {
    "read": (("get",), "Read rows."),
    "create": (("post",), "Add rows."),
    "update": (("patch", "put"), "Change rows."),
    "delete": (("delete",), "Delete rows."),
}
AUTHORIZE, TOKEN = "/oauth/authorize", "/oauth/token"
LOGIN = "https://login.microsoftonline.com"
ANY_TENANT = "common"

Definition = dict[str, Any]


def definition(catalog: Catalog, root: str, choices: Choices) -> Definition:
    """Return the definition of the chosen resources; `root` is the absolute service root without an authtoken. Raises NotFound for
    resources or connections that the user does not see."""
    wanted = [(RESOURCES, ",".join(choices.resources))] if choices.resources else []
    if choices.connection:
        wanted.append((CONNECTION, choices.connection))
    found: Definition = json.loads(document(catalog, root, "$oas", "application/json", wanted, is_open=False).body)
    if choices.name:
        found["info"]["title"] = choices.name
    found["schemes"] = [scheme(root, choices)]
    found.pop("securityDefinitions", None)
    found.pop("security", None)
    return found | signed_in(site_of(root), choices, found)


def scheme(root: str, choices: Choices) -> str:
    """Return how the platform calls: https; what stands behind a gateway may speak http."""
    return "http" if choices.gateway and urlsplit(root).scheme == "http" else "https"


def site_of(root: str) -> str:
    """Return the address of the server, above the service root."""
    return root.removesuffix("/api.rsc")


def signed_in(site: str, choices: Choices, found: Definition) -> dict[str, Any]:
    """Return the one security definition that the connection parameters stand for (apiProperties.json)."""
    if choices.auth == "none":
        return {}
    kinds: dict[str, tuple[str, dict[str, Any], list[str]]] = {
        "api-key": ("api_key", {"type": "apiKey", "in": "header", "name": "x-cdata-authtoken"}, []),
        "basic": ("basic_auth", {"type": "basic"}, []),
        "oauth": ("oauth2_auth", oauth2(site + AUTHORIZE, site + TOKEN, scopes(found)), [*scopes(found)]),
        "aad": ("aad_auth", oauth2(*aad_addresses(choices), {}), []),
    }
    name, scheme, asked = kinds[choices.auth]
    return {"securityDefinitions": {name: scheme}, "security": [{name: asked}]}


def oauth2(authorize: str, token: str, scopes: dict[str, str]) -> dict[str, Any]:
    """Return the authorization code flow, the only one that connectors have."""
    return {"type": "oauth2", "flow": "accessCode", "authorizationUrl": authorize, "tokenUrl": token, "scopes": scopes}


def aad_addresses(choices: Choices) -> tuple[str, str]:
    """Return where Microsoft Entra ID signs people in and gives tokens."""
    base = f"{LOGIN}/{choices.tenant or ANY_TENANT}/oauth2"
    return f"{base}/authorize", f"{base}/token"


def scopes(found: Definition) -> dict[str, str]:
    """Return the scopes that the operations on rows need; subscribing needs no more than reading."""
    verbs = {verb for path, item in found["paths"].items() if not path.startswith("/$") for verb in item} | {"get"}
    return {name: text for name, (methods, text) in SCOPES.items() if verbs.intersection(methods)}


def paged(found: Definition) -> list[str]:
    """Return the ids of the operations whose answers have a next page."""
    return [
        operation["operationId"]
        for item in found["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict) and "x-ms-pageable" in operation
    ]
