"""A stand-in of Power Platform's connector service, under the service's own names: a proxy that answers for its hosts over TLS.

Programs are pointed at it by HTTPS_PROXY and the certificate authority that it makes; none of them is changed. It keeps connectors and
files as the service does and is stricter than it: what it takes, the service takes.
"""

from __future__ import annotations

import json
import secrets
import ssl
import time
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.fakes.power_platform_rules import definition_findings, package_problems
from tests.fakes.tls import authority
from tests.fakes.web import Answer, Fake, Refused, Request, handler

LOGIN, APPS, FLOW = "login.microsoftonline.com", "api.powerapps.com", "api.flow.microsoft.com"
STORE = "connectors.blob.core.windows.net"
HOSTS = (LOGIN, APPS, FLOW, STORE)
TENANT, OID = "0f0d6f8e-1111-4222-8333-444455556666", "7d4f3d1c-aaaa-4bbb-8ccc-ddddeeeeffff"
ENVIRONMENT = "9ad0a5d4-3b1c-4b59-8e55-0c8a2b1f0001"
USER, PASSWORD = "deploy@example.com", "a service account's password"
RESOURCE = "https://service.powerapps.com/"
PROVIDER = "/providers/Microsoft.PowerApps/"
# What paconn may set; everything else the service makes itself.
WRITTEN = {
    "openApiDefinition",
    "backendService",
    "environment",
    "displayName",
    "description",
    "iconUri",
    "scriptDefinitionUrl",
    "connectionParameters",
    "connectionParameterSets",
    "iconBrandColor",
    "scriptOperations",
    "capabilities",
    "policyTemplateInstances",
    "publisher",
    "stackOwner",
}


class PowerPlatform(Fake):
    """The running stand-in."""

    controls = {"findings": [], "refuse_update": False}
    logged = ("host",)

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.authority = folder / "authority.pem"
        self.tls = authority(self.authority, HOSTS)
        self.server.RequestHandlerClass = proxied(self, self.tls)
        self.tokens: dict[str, float] = {}
        self.codes: dict[str, int] = {}
        self.connectors: dict[str, dict[str, Any]] = {}
        self.blobs: dict[str, bytes] = {}

    def environment(self) -> dict[str, str]:
        """Return the variables that lead a program to the stand-in instead of the service."""
        proxy = f"http://{self.address}"
        trust = str(self.authority)
        return {"HTTPS_PROXY": proxy, "https_proxy": proxy, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "REQUESTS_CA_BUNDLE": trust}

    def answer(self, request: Request) -> Answer:
        """Answer by host."""
        answers: dict[str, Callable[[Request], Answer]] = {LOGIN: self.sign_in, APPS: self.apps, FLOW: self.flow, STORE: self.store}
        return answers[request.headers["host"]](request)

    # ---- sign-in ----

    def sign_in(self, request: Request) -> Answer:
        """Answer as Microsoft Entra ID: the kind of an account, codes for another device, tokens."""
        if "/userrealm/" in request.path.lower():
            return Answer(body={"ver": "1.0", "account_type": "Managed", "domain_name": "example.com"})
        form = request.form()
        if form.get("resource") != RESOURCE:
            return Answer(400, {"error": "invalid_resource", "error_description": "AADSTS500011: the resource was not found."})
        if request.path.endswith("/devicecode"):
            code = secrets.token_urlsafe(16)
            self.codes[code] = 1
            return Answer(
                body={
                    "user_code": "ABCD1234",
                    "device_code": code,
                    "verification_url": "https://microsoft.com/devicelogin",
                    "expires_in": "900",
                    "interval": "1",
                    "message": "To sign in, open https://microsoft.com/devicelogin and enter the code ABCD1234.",
                }
            )
        return self.token(form)

    def token(self, form: dict[str, str]) -> Answer:
        """Give a token for a device code, at its second call, or for user name and password."""
        kind = form.get("grant_type")
        if kind == "device_code":
            if self.codes.get(form.get("code", ""), -1) < 0:
                return Answer(400, {"error": "invalid_grant", "error_description": "AADSTS70000: the code is unknown."})
            self.codes[form["code"]] -= 1
            if self.codes[form["code"]] >= 0:
                return Answer(400, {"error": "authorization_pending", "error_description": "AADSTS70016: pending."})
        elif kind != "password" or (form.get("username"), form.get("password")) != (USER, PASSWORD):
            return Answer(400, {"error": "invalid_grant", "error_description": "AADSTS50126: invalid user name or password."})
        token, ends = secrets.token_urlsafe(24), time.time() + 3600
        self.tokens[token] = ends
        told = {"token_type": "Bearer", "expires_in": "3600", "expires_on": str(int(ends)), "resource": RESOURCE, "access_token": token}
        return Answer(body={**told, "refresh_token": secrets.token_urlsafe(24), "id_token": id_token()})

    def known(self, request: Request) -> None:
        """Refuse calls without a token of ours, or of another version of the interface."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or self.tokens.get(token, 0) < time.time():
            raise Refused(Answer(401, {"error": {"code": "Unauthorized", "message": "Sign in."}}))
        if request.first("api-version") != "2016-11-01":
            raise Refused(Answer(400, {"error": {"code": "InvalidApiVersion", "message": "The api-version is not supported."}}))

    # ---- the connectors of an environment ----

    def flow(self, request: Request) -> Answer:
        """List the environments."""
        self.known(request)
        if request.path != "/providers/Microsoft.ProcessSimple/environments":
            raise Refused(not_found(request))
        return Answer(body={"value": [{"name": ENVIRONMENT, "properties": {"displayName": "Trials"}}]})

    def apps(self, request: Request) -> Answer:
        """Validate, store and tell connectors."""
        self.known(request)
        path = request.path.removeprefix(PROVIDER)
        if request.method == "POST" and path == f"objectIds/{OID}/validateApiSwagger":
            is_strict = request.first("enableConnectorCertificationRules") == "true"
            return Answer(body="\r\n".join([*definition_findings(json.loads(request.body), is_strict), *self.control["findings"]]))
        if request.method == "POST" and path == f"objectIds/{OID}/generateResourceStorage":
            self.check_environment(json.loads(request.body)["environment"]["name"])
            return Answer(body={"sharedAccessSignature": f"https://{STORE}/{uuid.uuid4().hex}?sv=2018-03-28&sig={secrets.token_hex(8)}"})
        self.check_environment(request.first("$filter").removeprefix("environment eq ").strip("'"))
        if path == "apis":
            return self.create(request) if request.method == "POST" else Answer(body={"value": [*map(self.told, self.connectors)]})
        name = path.removeprefix("apis/")
        if name not in self.connectors:
            raise Refused(not_found(request))
        return self.update(name, request) if request.method == "PATCH" else Answer(body=self.told(name))

    def check_environment(self, name: str) -> None:
        """Refuse an environment that does not exist."""
        if name != ENVIRONMENT:
            raise Refused(Answer(404, {"error": {"code": "EnvironmentNotFound", "message": f"The environment {name!r} was not found."}}))

    def create(self, request: Request) -> Answer:
        """Store a new connector."""
        properties = self.checked(request)
        title = "".join(sign.lower() for sign in properties["displayName"] if sign.isalnum() and sign.isascii())
        name = f"shared_{title}-5f{secrets.token_hex(8)}-5f{secrets.token_hex(8)}"
        self.connectors[name] = properties
        return Answer(201, self.told(name))

    def update(self, name: str, request: Request) -> Answer:
        """Change a connector; its name, and how it signs people in, stay."""
        properties = self.checked(request)
        before = self.connectors[name]
        if self.control["refuse_update"]:
            raise Refused(Answer(403, {"error": {"code": "Forbidden", "message": "The connector can't be changed now."}}))
        if properties.get("stackOwner"):
            raise Refused(Answer(400, {"error": {"code": "StackOwnerNotAllowed", "message": "stackOwner is for certified connectors."}}))
        self.connectors[name] = {**before, **properties, "displayName": before["displayName"]}
        return Answer(body=self.told(name))

    def checked(self, request: Request) -> dict[str, Any]:
        """Return what is to be stored, or refuse it."""
        properties = json.loads(request.body)["properties"]
        problems = [f"{name} is not known." for name in sorted(set(properties) - WRITTEN)]
        problems += package_problems(properties)
        icon = properties.get("iconUri", "")
        if icon.partition("?")[0].partition(f"{STORE}/")[2] not in self.blobs:
            problems.append("The icon was not uploaded.")
        if request.method == "POST" and "displayName" not in properties:
            problems.append("displayName is missing.")
        settings = properties.get("connectionParameters", {}).get("token", {}).get("oAuthSettings")
        if request.method == "POST" and settings is not None and not settings.get("clientSecret"):
            problems.append("The OAuth client has no secret.")
        if problems:
            raise Refused(Answer(400, {"error": {"code": "InvalidConnector", "message": " ".join(problems)}}))
        return dict(properties)

    def told(self, name: str) -> dict[str, Any]:
        """Return a connector as the service tells it: the definition behind an address, no secrets."""
        stored = json.loads(json.dumps(self.connectors[name]))
        for parameter in stored.get("connectionParameters", {}).values():
            parameter.get("oAuthSettings", {}).pop("clientSecret", None)
        definition = stored.pop("openApiDefinition")
        self.blobs[f"definitions/{name}"] = json.dumps(definition).encode()
        stored["apiDefinitions"] = {"originalSwaggerUrl": f"https://{STORE}/definitions/{name}?sig={secrets.token_hex(4)}"}
        if not stored.get("scriptDefinitionUrl"):
            stored.pop("scriptDefinitionUrl", None)
        stored |= {"isCustomApi": True, "createdBy": {"displayName": USER}}
        return {"name": name, "id": f"{PROVIDER}apis/{name}", "type": "Microsoft.PowerApps/apis", "properties": stored}

    # ---- files ----

    def store(self, request: Request) -> Answer:
        """Keep and give files; each address carries its signature."""
        if not request.first("sig"):
            raise Refused(Answer(403, {"error": {"code": "AuthenticationFailed", "message": "No signature."}}))
        name = request.path.removeprefix("/")
        if request.method == "PUT":
            if request.headers.get("x-ms-blob-type") != "BlockBlob":
                raise Refused(Answer(400, {"error": {"code": "InvalidHeader", "message": "x-ms-blob-type"}}))
            self.blobs[name] = request.body
            return Answer(201, headers={"ETag": '"0x8D"', "Last-Modified": "Sat, 21 Nov 2026 00:00:00 GMT"})
        if name not in self.blobs:
            raise Refused(not_found(request))
        return Answer(body=self.blobs[name])


def not_found(request: Request) -> Answer:
    """Return the refusal of an unknown address."""
    return Answer(404, {"error": {"code": "NotFound", "message": f"{request.path} was not found."}})


def id_token() -> str:
    """Return who signed in, as a token that nobody signed."""
    from base64 import urlsafe_b64encode

    parts = ({"typ": "JWT", "alg": "none"}, {"aud": "cli", "oid": OID, "tid": TENANT, "upn": USER, "unique_name": USER, "ver": "1.0"})
    return ".".join([urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]) + "."


def proxied(fake: Fake, tls: ssl.SSLContext) -> type[BaseHTTPRequestHandler]:
    """Return a request handler that answers what comes through CONNECT for a host of the service, and refuses other hosts."""

    class Proxied(handler(fake)):  # type: ignore[misc]
        def do_CONNECT(self) -> None:
            host = self.path.partition(":")[0]
            if host not in HOSTS:
                self.send_error(403, f"{host} is no host of the service")
                return
            self.send_response(200)
            self.end_headers()
            self.connection = tls.wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb", self.rbufsize)
            self.wfile = self.connection.makefile("wb", self.wbufsize)
            self.close_connection = False

    return Proxied
