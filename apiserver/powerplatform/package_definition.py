"""apiDefinition.swagger.json: the user's $oas under the connector's name, with the sign-in that was chosen and without any authtoken."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from apiserver.odata import security_choice
from apiserver.odata.documents import document
from apiserver.odata.errors import BadRequest
from apiserver.odata.selection import CONNECTION, RESOURCES
from apiserver.resources.catalog import Catalog
from apiserver.server.package_choices import Choices

ANY_TENANT = "common"
NO_CLIENT = "00000000-0000-0000-0000-000000000000"
# Ways of the package -> those of `$oas?security=`.
WAYS = {"api-key": "apikey", "basic": "basic", "oauth": "oauth2", "aad": "aad", "none": "none"}

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
    return found | security_choice.WAYS[WAYS[choices.auth]](found, root, directory(choices))


def scheme(root: str, choices: Choices) -> str:
    """Return how the platform calls: https; what stands behind a gateway may speak http."""
    return "http" if choices.gateway and urlsplit(root).scheme == "http" else "https"


def site_of(root: str) -> str:
    """Return the address of the server, above the service root."""
    return root.removesuffix("/api.rsc")


def directory(choices: Choices) -> tuple[str, str]:
    """Return tenant and audience of Microsoft Entra ID: as chosen, else as the server takes its tokens (`server.jwt`)."""
    try:
        tenant, audience = security_choice.entra() if choices.auth == "aad" else (ANY_TENANT, "")
    except BadRequest:
        tenant, audience = ANY_TENANT, choices.client_id or NO_CLIENT
    return choices.tenant or tenant, choices.resource_uri or audience


def paged(found: Definition) -> list[str]:
    """Return the ids of the operations whose answers have a next page."""
    return [
        operation["operationId"]
        for item in found["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict) and "x-ms-pageable" in operation
    ]
