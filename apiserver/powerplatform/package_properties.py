"""apiProperties.json: what a maker enters for a connection, the icon's colour, and the policies that route calls and pages.

Source: microsoft/PowerPlatformConnectors, schemas/paconn-apiProperties.schema.json, and Microsoft's pages on policy templates.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from apiserver.odata.security_choice import ENTRA
from apiserver.powerplatform.package_definition import NO_CLIENT, Definition, directory, paged, site_of
from apiserver.server.package_choices import Choices

REDIRECT = "https://global.consent.azure-apim.net/redirect"
SERVER = "serverUrl"


def properties(definition: Definition, root: str, choices: Choices) -> dict[str, Any]:
    """Return the properties that belong to the definition."""
    found: dict[str, Any] = {
        "iconBrandColor": choices.color,
        "capabilities": ["gateway"] if choices.gateway else [],
        "connectionParameters": parameters(definition, root, choices),
        "policyTemplateInstances": policies(definition, root, choices),
    }
    if choices.certification:
        publisher = choices.publisher or definition["info"]["contact"]["name"]
        found |= {"publisher": publisher, "stackOwner": choices.stack_owner or publisher}
    return {"properties": found}


def parameters(definition: Definition, root: str, choices: Choices) -> dict[str, Any]:
    """Return what is entered when a connection is made."""
    found = {"gateway": gateway()} if choices.gateway else {SERVER: server_address(site_of(root))}
    if choices.auth == "api-key":
        found["api_key"] = entered("securestring", "Authtoken", "The authtoken of a user of this server.", 2)
    if choices.auth == "basic":
        found["username"] = entered("string", "User name", "The name of a user of this server.", 2)
        found["password"] = entered("securestring", "Authtoken", "The authtoken of this user, as its password.", 3)
    if choices.auth in ("oauth", "aad"):
        found["token"] = {"type": "oauthSetting", "oAuthSettings": oauth_settings(definition, choices)}
    return found


def entered(kind: str, title: str, description: str, place: int) -> dict[str, Any]:
    """Return one field of the form in which a connection is made."""
    constraints: dict[str, Any] = {"required": "true", "tabIndex": place}
    if kind == "securestring":
        constraints["clearText"] = False
    return {
        "type": kind,
        "uiDefinition": {"displayName": title, "description": description, "tooltip": description, "constraints": constraints},
    }


def server_address(site: str) -> dict[str, Any]:
    """Return the field for the server's address, by which one package serves every installation."""
    description = f"The address of the server without a slash at its end, such as {site}"
    return entered("string", "Server address", description, 1) | {"defaultValue": site}


def gateway() -> dict[str, Any]:
    """Return the field that chooses an on-premises data gateway."""
    constraints = {"required": "true", "tabIndex": 1, "capability": ["gateway"]}
    return {"type": "gatewaySetting", "uiDefinition": {"displayName": "Gateway", "constraints": constraints}}


def oauth_settings(definition: Definition, choices: Choices) -> dict[str, Any]:
    """Return how people sign in; the client's secret is given to paconn alone (--secret)."""
    found: dict[str, Any] = {
        "identityProvider": "aad" if choices.auth == "aad" else "oauth2",
        "clientId": choices.client_id or NO_CLIENT,
        "redirectMode": "Global",
        "redirectUrl": REDIRECT,
        "properties": {"IsFirstParty": "False"},
    }
    if choices.auth == "aad":
        tenant, audience = directory(choices)
        values = {"loginUri": ENTRA, "tenantId": tenant, "resourceUri": audience}
        return found | {"scopes": [], "customParameters": valued(values)}
    scheme = definition["securityDefinitions"]["oauth2_auth"]
    values = {"authorizationUrl": scheme["authorizationUrl"], "tokenUrl": scheme["tokenUrl"], "refreshUrl": scheme["tokenUrl"]}
    return found | {"scopes": sorted(scheme["scopes"]), "customParameters": valued(values)}


def valued(values: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return custom parameters as the schema has them."""
    return {name: {"value": value} for name, value in values.items()}


def policies(definition: Definition, root: str, choices: Choices) -> list[dict[str, Any]]:
    """Return the policies: the server's address from the connection, next pages through the connection.

    `dynamichosturl` takes the place of host and basePath together, and does not work with gateways.
    """
    found = []
    if not choices.gateway:
        template = f"@connectionParameters('{SERVER}'){urlsplit(root).path.removeprefix(urlsplit(site_of(root)).path)}"
        found.append(policy("dynamichosturl", "Call the server of the connection", {"urlTemplate": template}))
    operations = paged(definition)
    if operations:
        values = {"nextLinkPropertyName": "@odata.nextLink"}
        found.append(policy("updatenextlink", "Read next pages through the connection", values, operations))
    return found


def policy(template: str, title: str, values: dict[str, str], operations: list[str] | None = None) -> dict[str, Any]:
    """Return one policy; without operations it holds for all of them."""
    parameters: dict[str, Any] = {f"x-ms-apimTemplateParameter.{name}": value for name, value in values.items()}
    if operations:
        parameters["x-ms-apimTemplate-operationName"] = sorted(operations)
    return {"templateId": template, "title": title, "parameters": parameters}
