"""What the connector service objects to, as Microsoft documents it: rules of a definition, of its properties and of both together."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
FORMATS = {None, "int32", "int64", "float", "double", "byte", "binary", "date", "date-time", "password", "email", "uri", "uuid"}
UNSUPPORTED = {"oneOf", "anyOf", "not", "nullable", "const", "if", "patternProperties", "$defs"}
TEMPLATES = {
    "dynamichosturl": "x-ms-apimTemplateParameter.urlTemplate",
    "updatenextlink": "x-ms-apimTemplateParameter.nextLinkPropertyName",
}
KINDS = {"string", "securestring", "int", "bool", "gatewaySetting", "oauthSetting"}
PROVIDERS = {"oauth2", "oauth2generic", "aad", "aadcertificate", "facebook"}


def operations(definition: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return path, method and operation."""
    return [(path, verb, item[verb]) for path, item in definition["paths"].items() for verb in METHODS if verb in item]


def definition_findings(definition: dict[str, Any], is_strict: bool) -> list[str]:
    """Return what is wrong with a definition; `is_strict`: certification's rules too."""
    found = [*head(definition, is_strict), *schemas(definition)]
    names = [item.get("operationId", "") for _, _, item in operations(definition)]
    if len({name.lower() for name in names}) != len(names):
        found.append("OperationIdNotUnique: operation ids are not unique.")
    if not 1 <= len(names) <= 256:
        found.append(f"TotalOperationsCountExceedsMaxAllowed: {len(names)} operations.")
    for path, verb, item in operations(definition):
        found += [f"{text} ({verb} {path})" for text in operation(path, item, is_strict)]
    return found


def head(definition: dict[str, Any], is_strict: bool) -> Iterator[str]:
    """Tell what is wrong above the paths."""
    info = definition.get("info", {})
    if definition.get("swagger") != "2.0":
        yield "SpecificationVersionIncorrect: only 2.0 is supported."
    if not all(info.get(name) for name in ("title", "description", "version")):
        yield "RequiredPropertyMissing: info needs title, description and version."
    if is_strict and not all(info.get("contact", {}).get(name) for name in ("name", "url", "email")):
        yield "RequiredPropertyMissing: info needs a contact."
    if is_strict and (len(info.get("title", "")) > 30 or re.search(r"\b(api|connector)\b", info.get("title", ""), re.IGNORECASE)):
        yield "ValueContainsRestrictedWords: info.title."
    if is_strict and not 30 <= len(info.get("description", "")) <= 500:
        yield "FieldLengthNotInRange: info.description."
    if is_strict and not definition.get("x-ms-connector-metadata"):
        yield "ConnectorMetadataPropertiesMissing: x-ms-connector-metadata."
    if not re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?", definition.get("host", "")):
        yield "HostNameNotValid: host."
    if len(json.dumps(definition)) >= 1024 * 1024:
        yield "FileTooLarge: 1 MB is the most."
    for requirement in definition.get("security", []):
        for name, scopes in requirement.items():
            scheme = definition.get("securityDefinitions", {}).get(name)
            if scheme is None or not set(scopes) <= set(scheme.get("scopes", {})):
                yield f"SecurityRequirementMustBeDefined: {name}."


def operation(path: str, item: dict[str, Any], is_strict: bool) -> Iterator[str]:
    """Tell what is wrong with one operation."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", item.get("operationId", "")):
        yield "OperationIdRequired: letters and digits."
    if is_strict and not (item.get("summary") and item.get("description")):
        yield "RequiredPropertyMissing: summary and description."
    if len(item.get("summary", "")) > 80 or set(item.get("summary", "")) & set("/\\<>*%&?"):
        yield "RestrictedCharactersInSummary: summary."
    if not any(code.startswith("2") for code in item.get("responses", {})):
        yield "OperationShouldHaveSuccessfulResponse: no 2xx."
    given = {parameter["name"] for parameter in item.get("parameters", []) if parameter["in"] == "path"}
    if given != set(re.findall(r"\{([^}]*)\}", path)):
        yield "OperationMissingPathParameter: path parameters."
    for parameter in item.get("parameters", []):
        if parameter["in"] != "body" and not parameter.get("type"):
            yield f"TypeMissing: {parameter['name']}."
        if is_strict and parameter["in"] != "body" and not (parameter.get("x-ms-summary") and parameter.get("description")):
            yield f"RequiredPropertyMissing: x-ms-summary of {parameter['name']}."


def schemas(definition: dict[str, Any]) -> Iterator[str]:
    """Tell what is wrong with any schema, wherever it stands."""
    waiting: list[Any] = [definition["paths"], definition.get("definitions", {})]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        if not isinstance(part, dict):
            continue
        waiting += part.values()
        reference = part.get("$ref")
        if isinstance(reference, str) and reference.removeprefix("#/definitions/") not in definition.get("definitions", {}):
            yield f"SchemaReferenceNotFound: {reference}."
        if isinstance(part.get("type"), str) and "properties" not in part:
            if UNSUPPORTED & set(part):
                yield "SwaggerKeywordNotSupported."
            if part.get("format") not in FORMATS and isinstance(part.get("format"), str):
                yield f"UnrecognizedTypeFormat: {part['format']}."
            if part["type"] == "array" and not isinstance(part.get("items"), dict):
                yield "ArrayHasNoItems."


def package_problems(properties: dict[str, Any]) -> list[str]:
    """Return what is wrong with the properties of a connector, and with them beside its definition."""
    definition = properties["openApiDefinition"]
    found = [*definition_findings(definition, is_strict=False), *parameters(properties, definition), *policies(properties, definition)]
    wanted = f"{definition['schemes'][0]}://{definition['host']}{definition.get('basePath', '')}"
    if properties["backendService"]["serviceUrl"] != wanted:
        found.append("backendService.serviceUrl is not the definition's.")
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", properties.get("iconBrandColor", "")):
        found.append("iconBrandColor is not #rrggbb.")
    return found


def parameters(properties: dict[str, Any], definition: dict[str, Any]) -> Iterator[str]:
    """Tell what is wrong with the connection parameters: they must be those of the definition's sign-in."""
    given = properties.get("connectionParameters", {})
    for name, item in given.items():
        if not re.fullmatch(r"[0-9A-Za-z_]+", name) or item.get("type") not in KINDS:
            yield f"The connection parameter {name} is not valid."
        required = item.get("uiDefinition", {}).get("constraints", {}).get("required", "true")
        if required not in ("true", "false"):
            yield f"constraints.required of {name} must be text."
    kinds = {name: item.get("type") for name, item in given.items()}
    scheme = next(iter(definition.get("securityDefinitions", {}).values()), {"type": "none"})
    wanted = {
        "apiKey": {"api_key": "securestring"},
        "basic": {"username": "string", "password": "securestring"},
        "oauth2": {"token": "oauthSetting"},
        "none": {},
    }[scheme["type"]]
    if {name: kind for name, kind in kinds.items() if name not in ("serverUrl", "gateway")} != wanted:
        yield f"The connection parameters {sorted(kinds)} are not those of {scheme['type']}."
    settings = given.get("token", {}).get("oAuthSettings")
    if settings is not None and settings.get("identityProvider") not in PROVIDERS:
        yield "The identity provider is not known."


def policies(properties: dict[str, Any], definition: dict[str, Any]) -> Iterator[str]:
    """Tell what is wrong with the policies: each has its parameter and names operations that there are."""
    known = {item["operationId"] for _, _, item in operations(definition)}
    for policy in properties.get("policyTemplateInstances", []):
        values = policy["parameters"]
        if TEMPLATES.get(policy["templateId"]) not in values:
            yield f"The policy {policy['templateId']} is not complete."
        named = values.get("x-ms-apimTemplate-operationName", [])
        for name in sorted(set(named) - known):
            yield f"The policy {policy['templateId']} names the unknown operation {name}."
        for name in re.findall(r"@connectionParameters\('(\w+)'", json.dumps(values)):
            if name not in properties.get("connectionParameters", {}):
                yield f"The policy {policy['templateId']} reads the unknown parameter {name}."
