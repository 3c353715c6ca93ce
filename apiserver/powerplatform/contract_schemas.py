"""What differs between two schemas, for who sends (input) and who reads (output). Pairs of definitions are compared once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from apiserver.powerplatform.contract_findings import Finding
from apiserver.powerplatform.contract_reading import Document, Schema, listed, mapping

INPUT, OUTPUT = "input", "output"
DEEPEST = 12  # nested rows; definitions that hold themselves end here
# What a sent value must keep to: each is narrower when it is smaller (-1) or larger (1).
BOUNDS = {
    "maximum": -1,
    "maxLength": -1,
    "maxItems": -1,
    "minimum": 1,
    "minLength": 1,
    "minItems": 1,
}


class Schemas:
    """The schemas of two documents side by side."""

    def __init__(self, old: Document, new: Document) -> None:
        self.old, self.new = old, new
        self._known: dict[tuple[str, str, str], list[Finding]] = {}
        self._open: set[tuple[str, str, str]] = set()

    def compare(self, old: Any, new: Any, place: str, direction: str, depth: int = 0) -> Iterator[Finding]:
        """Tell what differs, by place."""
        key = (reference(old), reference(new), direction)
        if not key[0] or not key[1]:
            yield from self._differences(old, new, place, direction, depth)
            return
        if key not in self._known:
            if key in self._open or depth > DEEPEST:
                return
            self._open.add(key)
            self._known[key] = list(self._differences(old, new, "", direction, depth))
            self._open.discard(key)
        for found in self._known[key]:
            yield Finding(found.code, place=joined(place, found.place), detail=found.detail)

    def _differences(self, old: Any, new: Any, place: str, direction: str, depth: int) -> Iterator[Finding]:
        before, after = self.old.schema(old), self.new.schema(new)
        yield from kinds(before, after, place, direction)
        yield from values(before, after, place, direction)
        if depth > DEEPEST:
            return
        yield from self._fields(before, after, place, direction, depth)
        if isinstance(before.get("items"), Mapping) and isinstance(after.get("items"), Mapping):
            yield from self.compare(before["items"], after["items"], place, direction, depth + 1)

    def _fields(self, old: Schema, new: Schema, place: str, direction: str, depth: int) -> Iterator[Finding]:
        before, after = mapping(old.get("properties")), mapping(new.get("properties"))
        for name, item in before.items():
            if name not in after:
                yield Finding("FieldRemoved" if direction == OUTPUT else "InputRemoved", place=joined(place, name))
            else:
                yield from self.compare(item, after[name], joined(place, name), direction, depth + 1)
        needed = {name: names_in(schema.get("required")) for name, schema in (("old", old), ("new", new))}
        for name in after:
            has_default = "default" in self.new.schema(after[name])
            if direction == INPUT and name in needed["new"] and name not in needed["old"] and not has_default:
                yield Finding("RequiredInputAdded", place=joined(place, name))
            elif name not in before:
                yield Finding("FieldAdded" if direction == OUTPUT else "InputAdded", place=joined(place, name))
            elif direction == INPUT and name in needed["old"] and name not in needed["new"]:
                yield Finding("InputBecameOptional", place=joined(place, name))
        for name in needed["new"]:
            if direction == INPUT and name not in after and name not in needed["old"]:
                yield Finding("RequiredInputAdded", place=joined(place, name))


def kinds(old: Schema, new: Schema, place: str, direction: str) -> Iterator[Finding]:
    """Tell whether type or format is another."""
    before, after = kind_of(old), kind_of(new)
    if before == after:
        return
    detail = {"old": before or "any type", "new": after or "any type"}
    is_narrower = not old.get("type") or (old.get("type") == new.get("type") and not old.get("format"))
    if is_narrower and direction == OUTPUT and (not old.get("type") or old.get("type") != "string"):
        yield Finding("TypeToldNow", place=place, detail=detail)
    else:
        yield Finding("TypeChanged", place=place, detail=detail)


def kind_of(schema: Schema) -> str:
    """Return type and format in a few words."""
    found = [str(schema[name]) for name in ("type", "format") if schema.get(name)]
    if schema.get("type") == "array" and schema.get("collectionFormat") not in (None, "csv"):
        found.append(str(schema["collectionFormat"]))
    if schema.get("type") == "array" and not isinstance(schema.get("items"), Mapping):
        found.append("of anything")
    return " ".join(found)


def values(old: Schema, new: Schema, place: str, direction: str) -> Iterator[Finding]:
    """Tell whether other values are allowed or come."""
    before, after = choices(old), choices(new)
    gone, more = ([item for item in one if item not in other] for one, other in ((before, after), (after, before)))
    if direction == INPUT and after and not before:
        yield Finding("ValuesLimited", place=place, detail={"names": told(after)})
    elif direction == INPUT and after and gone:
        yield Finding("ValuesRemoved", place=place, detail={"names": told(gone)})
    elif gone or more:
        yield Finding("ValuesChanged", place=place)
    if direction == INPUT and (narrowed := [name for name, sign in BOUNDS.items() if is_narrower(old.get(name), new.get(name), sign)]):
        yield Finding("ValuesLimited", place=place, detail={"names": told(narrowed)})
    if direction == INPUT and new.get("pattern") and new.get("pattern") != old.get("pattern"):
        yield Finding("ValuesLimited", place=place, detail={"names": "pattern"})
    if old.get("additionalProperties") and not new.get("additionalProperties"):
        yield Finding("FieldsClosed", place=place)
    if bool(old.get("x-nullable")) != bool(new.get("x-nullable")):
        yield Finding(null_code(direction, is_nullable=bool(new.get("x-nullable"))), place=place)


def choices(schema: Schema) -> list[Any]:
    """Return the values that may be chosen; none: any."""
    found = schema.get("enum")
    return listed(found) if isinstance(found, list) or not found else [found]


def null_code(direction: str, *, is_nullable: bool) -> str:
    """Return what it means that null is possible now, or no longer."""
    if direction == OUTPUT:
        return "NullsCome" if is_nullable else "NullsEnd"
    return "NullsTaken" if is_nullable else "NullsRefused"


def is_narrower(old: Any, new: Any, sign: int) -> bool:
    """Claim that a bound leaves less room than before."""
    if not isinstance(new, int | float):
        return False
    return not isinstance(old, int | float) or (new - old) * sign > 0


def reference(node: Any) -> str:
    """Return the definition that a node refers to, "" for none."""
    found = mapping(node).get("$ref")
    return found if isinstance(found, str) else ""


def joined(place: str, name: str) -> str:
    """Return the place of a part."""
    return f"{place}/{name}" if place and name else place or name


def names_in(value: Any) -> list[str]:
    """Return the names that `required` of a schema lists."""
    return [str(item) for item in listed(value)]


def told(items: Sequence[Any]) -> str:
    """Return values in a sentence."""
    return ", ".join(map(str, items))[:200]
