"""The manifest format: the documented example is valid, unknown keys and wrong types are not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from connections.connectors.http.manifest import load
from connections.contract.errors import InvalidProperties

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = json.loads((ROOT / "connections/connectors/http/manifest.schema.json").read_text(encoding="utf-8"))


def documented_example() -> dict[str, Any]:
    page = (ROOT / "docs/connectors/manifest.md").read_text(encoding="utf-8")
    found = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert found is not None
    return yaml.safe_load(found[1])


def test_documented_example_is_a_valid_manifest() -> None:
    jsonschema.validate(documented_example(), SCHEMA)


@pytest.mark.parametrize(
    ("place", "key", "value"),
    [
        ((), "tabels", {}),
        (("tables", "Notes"), "reads", []),
        (("tables", "Notes", "columns", "Id"), "type", "integer"),
        (("tables", "Notes", "columns", "Id"), "filter", {"like": "id"}),
        (("defaults", "paging"), "type", "cursors"),
        (("auth", "schemes", "Token"), "type", "digest"),
    ],
)
def test_wrong_key_or_value_is_refused(place: tuple[str, ...], key: str, value: Any) -> None:
    manifest = documented_example()
    node = manifest
    for step in place:
        node = node[step]
    node[key] = value

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(manifest, SCHEMA)


def test_every_top_level_key_is_documented() -> None:
    page = (ROOT / "docs/connectors/manifest.md").read_text(encoding="utf-8")

    missing = [key for key in SCHEMA["properties"] if f"`{key}`" not in page]

    assert missing == []


@pytest.mark.parametrize("text", ["[" * 200_000, "a: [" * 90_000, "- " * 90_000 + "x"])
def test_text_nested_without_end_is_refused(text: str) -> None:
    with pytest.raises(InvalidProperties, match="nested too deeply"):
        load(text)
