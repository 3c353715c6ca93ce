"""The configuration file: apply, diff, export. One transaction; what the file does not mention stays unless pruned."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from django.db import transaction

from apiserver.server import audit
from apiserver.server.configuration_protocol import Change, ConfigurationError, Given, check_keys
from apiserver.server.configuration_secrets import SEALED, ByVariable, Sealer
from apiserver.server.registry import NOT_YET, SECTIONS, sections

MAX_DEPTH = 50


class UniqueKeys(yaml.SafeLoader):
    """Reads YAML; a key that stands twice is an error, for one of its values would be lost in silence."""

    def fetch_flow_collection_start(self, token: type[yaml.Token]) -> None:
        """Refuse deep nesting: the time that PyYAML takes grows with the square of it, to minutes for some kilobytes."""
        if self.flow_level >= MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem=f"nested deeper than {MAX_DEPTH} levels", problem_mark=self.get_mark())
        super().fetch_flow_collection_start(token)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"the key {key.value} stands twice", problem_mark=key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        r"""Join the two halves in which JSON escapes a character such as an emoji (\ud83d\ude00); half a character is an error."""
        value = super().construct_scalar(node)
        if not isinstance(value, str) or value.isascii():
            return value
        try:
            return value.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError as error:
            raise yaml.MarkedYAMLError(problem="half a character (a lone surrogate)", problem_mark=node.start_mark) from error


def load(path: Path) -> dict[str, Any]:
    """Return the file's data, of standard input for `-`: YAML, of which JSON is a part."""
    if str(path) == "-":
        return read(sys.stdin.buffer.read(), "The standard input")
    try:
        return read(path.read_bytes(), str(path))
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}.") from error


def read(raw: bytes, title: str, loader: type[UniqueKeys] = UniqueKeys) -> dict[str, Any]:
    """Return the data of a file's content."""
    try:
        data = yaml.load(raw.decode("utf-8-sig"), loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{title} is no YAML: {error}") from error
    return known(data)


def known(data: Any) -> dict[str, Any]:
    """Return the sections; raise for what is none."""
    if data is None:
        return {}
    for name in NOT_YET:
        if isinstance(data, Mapping) and name in data:
            raise ConfigurationError(f"{name} is not supported by this version: take it out of the file.")
    return dict(check_keys(data, SECTIONS, ""))


def resolved(data: Any, place: str, sealer: Sealer | None) -> Any:
    """Return the data with `{env: NAME}`, `{file: PATH}` and sealed values replaced."""
    if isinstance(data, list):
        return [resolved(item, f"{place}[{number}]", sealer) for number, item in enumerate(data)]
    if not isinstance(data, Mapping):
        return data
    if len(data) == 1:
        [(key, value)] = data.items()
        if key in OUTSIDE and isinstance(value, str):
            return OUTSIDE[key](value, place, sealer)
    return {str(key): resolved(item, f"{place}.{key}" if place else str(key), sealer) for key, item in data.items()}


def from_variable(name: str, place: str, sealer: Sealer | None) -> Given:
    """Return the value of an environment variable."""
    value = os.environ.get(name)
    if value is None:
        raise ConfigurationError(f"{place}: the variable {name} is not set.")
    return Given(value)


def from_file(path: str, place: str, sealer: Sealer | None) -> Given:
    """Return the content of a file, without the line end that editors add."""
    try:
        return Given(Path(path).expanduser().read_text(encoding="utf-8").rstrip("\r\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{place}: the file {path} can't be read: {getattr(error, 'strerror', None) or 'it is no UTF-8'}."
        ) from error


def from_seal(text: str, place: str, sealer: Sealer | None) -> Given:
    """Return what was sealed under the passphrase."""
    if sealer is None:
        raise ConfigurationError(f"{place} is sealed: give --passphrase-file.")
    return Given(sealer.read(text, place))


OUTSIDE = {"env": from_variable, "file": from_file, SEALED: from_seal}


def apply(
    data: Mapping[str, Any],
    *,
    now: datetime,
    prune: bool = False,
    sealer: Sealer | None = None,
    who: str = "apply",
    address: str = "",
) -> Change:
    """Make the server as the data say, whole or not at all."""
    change = Change(now)
    given = resolved(data, "", sealer)
    with transaction.atomic():
        for name, section in sections().items():
            if name in given or prune:
                section.apply({} if given.get(name) is None else given[name], change, prune=prune)
        for finish in change.last:
            finish()
        if change.is_any:
            done: dict[str, Any] = {"created": change.created, "updated": change.updated, "deleted": change.deleted}
            audit.record("configuration applied", who=who, address=address, **done)
    return change


def diff(data: Mapping[str, Any], *, now: datetime, prune: bool = False, sealer: Sealer | None = None) -> Change:
    """Return what applying would do, and undo it."""
    with transaction.atomic():
        change = apply(data, now=now, prune=prune, sealer=sealer)
        transaction.set_rollback(True)
    return change


def export(sealer: Sealer | None = None) -> str:
    """Return the whole configuration as YAML, secrets as variables or sealed."""
    return yaml.safe_dump(exported(sealer), sort_keys=False, allow_unicode=True, width=120)


def exported(sealer: Sealer | None = None) -> dict[str, Any]:
    """Return the whole configuration as plain data, secrets as variables or sealed."""
    writer = sealer or ByVariable()
    data = {name: found for name, section in sections().items() if (found := section.export(writer))}
    plain: dict[str, Any] = json.loads(json.dumps(data))
    return plain
