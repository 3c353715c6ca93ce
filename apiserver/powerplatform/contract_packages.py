"""What differs between two connector packages: the definition, and how connections are made (apiProperties.json)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apiserver.powerplatform.contract_compare import compare
from apiserver.powerplatform.contract_findings import TEXT, Finding
from apiserver.powerplatform.contract_reading import mapping
from apiserver.powerplatform.contract_source import Package

BEHAVIOUR = ("policyTemplateInstances", "capabilities", "scriptOperations", "connectionParameterSets", "interfaces")
# Of an OAuth setting: what a connection was made under.
SETTING = ("identityProvider",)


def compare_packages(old: Package, new: Package) -> list[Finding]:
    """Return what differs; properties are compared where both have them."""
    found = compare(old.definition, new.definition)
    if old.properties is None or new.properties is None:
        return found
    before, after = (mapping(item.get("properties")) for item in (old.properties, new.properties))
    more = [*connection_parameters(before, after), *behaviour(before, after)]
    is_texts = not more and before != after and not any(item.level == TEXT for item in found)
    return [*found, *more, *([Finding("TextsChanged")] if is_texts else [])]


def connection_parameters(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Finding]:
    """Tell what connections are asked for in another way."""
    before, after = (mapping(item.get("connectionParameters")) for item in (old, new))
    for name, parameter in before.items():
        if name not in after:
            yield Finding("ConnectionParameterRemoved", place=name)
        elif kind(parameter) != kind(after[name]):
            yield Finding("ConnectionParameterChanged", place=name)
        elif is_required(after[name]) and not is_required(parameter):
            yield Finding("ConnectionParameterRequired", place=name)
    for name, parameter in after.items():
        if name not in before:
            yield Finding("ConnectionParameterRequired" if is_required(parameter) else "ConnectionParameterAdded", place=name)


def kind(parameter: Any) -> list[Any]:
    """Return what a connection's value depends on."""
    found = mapping(parameter)
    return [found.get("type"), *(mapping(found.get("oAuthSettings")).get(name) for name in SETTING)]


def is_required(parameter: Any) -> bool:
    """Claim that a connection can't be made without the parameter; the schema spells the switch as text."""
    constraints = mapping(mapping(mapping(parameter).get("uiDefinition")).get("constraints"))
    return str(constraints.get("required", "false")).lower() == "true"


def behaviour(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Finding]:
    """Tell whether the platform treats calls in another way."""
    if any((old.get(name) or []) != (new.get(name) or []) for name in BEHAVIOUR):
        yield Finding("PolicyChanged")
