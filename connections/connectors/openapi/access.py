"""Where the service is and how one signs in: servers with their variables, security schemes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from connections.connectors.openapi.document import Document, text_of

FLOWS = {"authorizationcode": "code", "accesscode": "code", "clientcredentials": "client", "application": "client"}
VARIABLE = re.compile(r"\{([^{}]+)\}")


@dataclass
class Access:
    """The address and the ways to sign in that a document declares."""

    url: str = ""
    variables: list[str] = field(default_factory=list)  # of the address that have no default
    schemes: dict[str, dict[str, Any]] = field(default_factory=dict)  # choice of AuthScheme -> manifest
    oauth: dict[str, Any] = field(default_factory=dict)
    default: str = ""
    notes: list[str] = field(default_factory=list)


def find_access(document: Document, given: dict[str, str], origin: str = "") -> Access:
    """Return address and sign-in; `given` are values of server variables, `origin` the address that the document came from."""
    access = Access()
    access.url = base_url(document, given, origin, access)
    components = document.root.get("components")
    known = components if isinstance(components, dict) else {}
    raw = document.root.get("securityDefinitions") if document.is_swagger else known.get("securitySchemes")
    found = raw if isinstance(raw, dict) else {}
    for name in in_order(document, found):
        scheme, _ = document.resolve(found[name])
        if isinstance(scheme, dict):
            take(document, scheme, access)
    access.schemes.setdefault("None", {"type": "none"})
    access.default = first_choice(access.schemes)
    return access


def in_order(document: Document, schemes: dict[str, Any]) -> list[str]:
    """Return the names of the schemes, those first that the document demands for all, in its order."""
    demanded = document.root.get("security")
    names = [name for entry in demanded if isinstance(entry, dict) for name in entry] if isinstance(demanded, list) else []
    return list(dict.fromkeys([*(name for name in names if name in schemes), *schemes]))


def first_choice(schemes: dict[str, dict[str, Any]]) -> str:
    """Return the scheme to begin with: one that a person can fill in from a settings page goes first."""
    for name in ("AccessToken", "APIKey", "Basic", "OAuth", "OAuthClient"):
        if name in schemes:
            return name
    return "None"


def take(document: Document, scheme: dict[str, Any], access: Access) -> None:
    """Take one security scheme; the first of its kind stays."""
    kind = text_of(scheme.get("type")).lower()
    word = text_of(scheme.get("scheme")).lower()
    if kind == "basic" or (kind == "http" and word == "basic"):
        access.schemes.setdefault("Basic", {"type": "basic", "user": "{User}", "password": "{Password}"})
    elif kind == "http":
        take_http(word, access)
    elif kind == "apikey":
        take_key(scheme, access)
    elif kind == "oauth2":
        take_oauth(document, scheme, access)
    elif kind == "openidconnect":
        access.schemes.setdefault("AccessToken", {"type": "bearer", "value": "{AccessToken}"})
    elif kind == "mutualtls":
        access.notes.append("The document asks for a client certificate, which is not supported.")


def take_http(word: str, access: Access) -> None:
    """Take a scheme of the Authorization header."""
    if word in ("bearer", ""):
        access.schemes.setdefault("AccessToken", {"type": "bearer", "value": "{AccessToken}"})
    else:
        access.schemes.setdefault("APIKey", {"type": "header", "name": "Authorization", "value": f"{word.title()} {{ApiKey}}"})


def take_key(scheme: dict[str, Any], access: Access) -> None:
    """Take a key in a header, parameter or cookie; one in the Authorization header is often a bearer token in disguise."""
    name, place = text_of(scheme.get("name")), text_of(scheme.get("in")).lower()
    if not name:
        return
    if place == "query":
        access.schemes.setdefault("APIKey", {"type": "query", "name": name, "value": "{ApiKey}"})
    elif place == "cookie":
        access.schemes.setdefault("APIKey", {"type": "header", "name": "Cookie", "value": f"{name}={{ApiKey}}"})
    elif name.lower() == "authorization" and "bearer" in f"{scheme.get('description', '')} {scheme.get('x-bearer-format', '')}".lower():
        access.schemes.setdefault("AccessToken", {"type": "bearer", "value": "{AccessToken}"})
    else:
        access.schemes.setdefault("APIKey", {"type": "header", "name": name, "value": "{ApiKey}"})


def take_oauth(document: Document, scheme: dict[str, Any], access: Access) -> None:
    """Take the flows of OAuth 2.0 that need no person's password; a token got elsewhere works with any of them."""
    flows = scheme.get("flows")
    if document.is_swagger:
        flows = {text_of(scheme.get("flow")): scheme}
    access.schemes.setdefault("AccessToken", {"type": "bearer", "value": "{AccessToken}"})
    for name, flow in flows.items() if isinstance(flows, dict) else ():
        kind = FLOWS.get(str(name).lower())
        if kind is None or not isinstance(flow, dict):
            continue
        token_url = absolute(text_of(flow.get("tokenUrl")), access.url)
        if not token_url:
            continue
        access.schemes.setdefault("OAuth" if kind == "code" else "OAuthClient", {"type": "oauth", "flow": kind})
        found = {"authorize_url": absolute(text_of(flow.get("authorizationUrl")), access.url), "token_url": token_url}
        for key, value in found.items():
            if value:
                access.oauth.setdefault(key, value)


def absolute(address: str, base: str) -> str:
    """Return the address whole, or '' where it is none."""
    whole = urljoin(base, address) if address and base else address
    return whole if re.match(r"https?://[^\s]+\Z", whole) else ""


def base_url(document: Document, given: dict[str, str], origin: str, access: Access) -> str:
    """Return the address of the API; the document's own address stands in where it gives only a path."""
    if document.is_swagger:
        return swagger_url(document, origin)
    servers = document.root.get("servers")
    for server in servers if isinstance(servers, list) else ():
        if isinstance(server, dict) and text_of(server.get("url")):
            url = filled(text_of(server.get("url")), server.get("variables"), given, access)
            whole = absolute(url, origin) or (f"https:{url}" if url.startswith("//") else url)
            return whole.rstrip("/")
    return origin_of(origin)


def filled(url: str, variables: object, given: dict[str, str], access: Access) -> str:
    """Return an address with its variables: the given value, else the default."""
    known = variables if isinstance(variables, dict) else {}

    def value(match: re.Match[str]) -> str:
        name = match[1]
        told = known.get(name)
        if name in given:
            return given[name]
        default = told.get("default") if isinstance(told, dict) else None
        if default in (None, "") or (isinstance(default, str) and default.lower() == name.lower()):
            access.variables.append(name)
        return str(default) if default not in (None, "") else match[0]

    return VARIABLE.sub(value, url)


def swagger_url(document: Document, origin: str) -> str:
    """Return the address of a Swagger 2.0 document."""
    root = document.root
    schemes = [item for item in root["schemes"] if isinstance(item, str)] if isinstance(root.get("schemes"), list) else []
    came = urlsplit(origin)
    scheme = (
        "https"
        if "https" in schemes or (not schemes and came.scheme != "http")
        else "http"
        if "http" in schemes or came.scheme == "http"
        else "https"
    )
    host = text_of(root.get("host")) or came.netloc
    path = text_of(root.get("basePath"))
    return f"{scheme}://{host}/{path.strip('/')}".rstrip("/") if host else ""


def origin_of(address: str) -> str:
    """Return scheme and host of an address."""
    came = urlsplit(address)
    return f"{came.scheme}://{came.netloc}" if came.scheme in ("http", "https") and came.netloc else ""
