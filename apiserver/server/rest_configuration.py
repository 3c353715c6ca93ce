"""The configuration file by way of the management API: apply, compare (`dry_run`), export. Only administrators come here.

Nobody reads the server's files or environment from afar: `{env: NAME}` takes what the request sends along, or what was set on the
server under a name that `export` writes (APISERVER_SECRET_...); `{file: PATH}` is for `manage.py apply` alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import yaml
from django.http import HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from apiserver.server import audit, configuration
from apiserver.server.configuration_protocol import Change, ConfigurationError, Given
from apiserver.server.configuration_secrets import SEALED, Sealer
from apiserver.server.registry_checks import settle_all
from apiserver.server.rest import ManagementView, by, given, plain, switch
from apiserver.server.rest_errors import Refusal
from apiserver.server.rest_schema import Json, described, url

FROM_ENVIRONMENT = "APISERVER_SECRET_"
YAML = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")
WRAPPED = ("configuration", "variables", "passphrase")
LEAST_PASSPHRASE = 12


class WithoutAliases(configuration.UniqueKeys):
    """Reads YAML of a request: an alias would let a short text become a huge one."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases are not read here", problem_mark=self.peek_event().start_mark)
        found: yaml.Node | None = super().compose_node(parent, index)
        return found


def file_of(request: Request) -> tuple[dict[str, Any], Mapping[str, str], Sealer | None]:
    """Return the configuration that the body is or holds, its variables and what opens its sealed secrets."""
    if (plain(request).content_type or "").lower() in YAML:
        return configuration.read(plain(request).body, "The body", WithoutAliases), {}, None
    data = given(request)
    if "configuration" not in data:
        return configuration.known(data), {}, None
    configuration.check_keys(data, WRAPPED, "")
    inner, variables = data["configuration"], data.get("variables") or {}
    if not isinstance(variables, dict) or not all(isinstance(value, str) for value in variables.values()):
        raise Refusal(422, "InvalidConfiguration", "variables must be a mapping of names to texts.", target="variables")
    found = configuration.read(inner.encode(), "configuration", WithoutAliases) if isinstance(inner, str) else configuration.known(inner)
    return found, variables, sealer_of(data.get("passphrase"))


def sealer_of(passphrase: Any) -> Sealer | None:
    """Return what opens and seals under the passphrase."""
    if passphrase is None:
        return None
    if not isinstance(passphrase, str) or len(passphrase) < LEAST_PASSPHRASE:
        message = f"The passphrase must be a text of {LEAST_PASSPHRASE} characters or more."
        raise Refusal(422, "InvalidConfiguration", message, target="passphrase")
    return Sealer(passphrase.strip())


def resolved(data: Any, place: str, variables: Mapping[str, str]) -> Any:
    """Return the data with `{env: NAME}` replaced by what may be read; sealed values stay for `apply`."""
    if isinstance(data, list):
        return [resolved(item, f"{place}[{number}]", variables) for number, item in enumerate(data)]
    if not isinstance(data, Mapping):
        return data
    if len(data) == 1:
        [(key, value)] = data.items()
        if key == "env" and isinstance(value, str):
            return variable(value, place, variables)
        if key == "file" and isinstance(value, str):
            raise ConfigurationError(f"{place}: files of the server are read by manage.py apply only; send the value in variables.")
        if key == SEALED:
            return data
    return {key: resolved(item, f"{place}.{key}" if place else str(key), variables) for key, item in data.items()}


def variable(name: str, place: str, variables: Mapping[str, str]) -> Given:
    """Return the value of a variable."""
    value = variables.get(name, os.environ.get(name) if name.startswith(FROM_ENVIRONMENT) else None)
    if value is None:
        raise ConfigurationError(f"{place}: the variable {name} is not given; send it in variables.")
    return Given(value)


def report(change: Change) -> dict[str, Any]:
    """Return what was done, as `manage.py apply --json` tells it."""
    told = {"changed": change.is_any, "created": change.created, "updated": change.updated, "deleted": change.deleted}
    return {**told, "authtokens": change.authtokens}


class ApplyView(ManagementView):
    """`manage.py apply`, and `manage.py diff` with `dry_run`."""

    tag = "configuration"

    def post(self, request: Request) -> Response:
        """Make the server as the configuration says, whole or not at all; with `dry_run` only tell what would change."""
        data, variables, sealer = file_of(request)
        prune, now = switch(request, "prune"), timezone.now()
        wanted = resolved(data, "", variables)
        if switch(request, "dry_run"):
            return Response({**report(configuration.diff(wanted, now=now, prune=prune, sealer=sealer)), "authtokens": {}})
        return Response(report(configuration.apply(wanted, now=now, prune=prune, sealer=sealer, **by(request))))


class ExportView(ManagementView):
    """`manage.py export`."""

    tag = "configuration"

    def get(self, request: Request) -> HttpResponse:
        """Return the configuration as YAML, or as JSON where that is accepted; secrets as names of variables."""
        return self.exported(request, None)

    def post(self, request: Request) -> HttpResponse:
        """Return the configuration with its secrets sealed under the body's passphrase; that is recorded."""
        sealer = sealer_of(given(request).get("passphrase", ""))
        audit.record("configuration exported", subject="with sealed secrets", **by(request))
        return self.exported(request, sealer)

    def exported(self, request: Request, sealer: Sealer | None) -> HttpResponse:
        """Return the file."""
        settle_all()
        if "json" in request.headers.get("Accept", ""):
            return Response(configuration.exported(sealer))
        return HttpResponse(configuration.export(sealer), content_type="application/yaml; charset=utf-8")


def configuration_urls() -> list[URLPattern]:
    """Return the addresses of this part."""
    texts: Json = {"type": "array", "items": {"type": "string"}}
    told: Json = {"type": "object", "properties": {"changed": {"type": "boolean"}, "created": texts, "updated": texts, "deleted": texts}}
    told["properties"]["authtokens"] = {"type": "object", "additionalProperties": {"type": "string"}, "description": "Generated ones only."}
    wrapped: Json = {
        "type": "object",
        "description": "The configuration file itself as JSON, or as here with what it asks for.",
        "properties": {
            "configuration": {"oneOf": [{"type": "object", "additionalProperties": True}, {"type": "string", "description": "YAML."}]},
            "variables": {"type": "object", "additionalProperties": {"type": "string"}, "description": "Values of {env: NAME}."},
            "passphrase": {"type": "string", "description": "Opens sealed secrets."},
        },
    }
    passphrase: Json = {"type": "object", "properties": {"passphrase": {"type": "string", "minLength": LEAST_PASSPHRASE}}}
    whole: Json = {"type": "object", "additionalProperties": True, "description": "The configuration file."}
    described(ApplyView, "post", "apply", "Apply a configuration", answer=told, body=wrapped, query=("dry_run", "prune"))
    described(ExportView, "get", "export", "Export the configuration", answer=whole, media="application/yaml")
    described(ExportView, "post", "exportSealed", "Export with sealed secrets", answer=whole, body=passphrase, media="application/yaml")
    return [url("apply", ApplyView), url("export", ExportView)]
