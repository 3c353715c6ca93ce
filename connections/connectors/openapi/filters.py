"""Query parameters: which filter a column, which must be given, which are constant, which sort."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from connections.connectors.openapi.columns import ColumnDraft, by_plain, value_of
from connections.connectors.openapi.document import Operation, Parameter
from connections.connectors.openapi.names import joined, plain, singular, vocabulary, words
from connections.connectors.openapi.schema import Shape, Shapes

MEMBERS = {"gt": "gt", "gte": "ge", "ge": "ge", "min": "ge", "from": "ge", "lt": "lt", "lte": "le", "le": "le", "max": "le", "to": "le"}
# A word before or behind a column's name, and the operator that it serves without losing a row whether or not the bound itself counts.
LOWER = {"gte": "ge", "ge": "ge", "gt": "gt", "after": "gt", "since": "gt", "from": "gt", "min": "ge", "start": "gt", "begin": "gt"}
UPPER = {"lte": "le", "le": "le", "lt": "lt", "before": "lt", "until": "lt", "to": "lt", "max": "le", "end": "lt"}
RANGED = frozenset({"timestamp", "date", "int64", "decimal", "double"})
EQUAL = frozenset({"string", "int64", "boolean", "guid"})
ALL_WORDS = frozenset({"all", "any"})
# Parameters that shape the answer, even where a column is called alike.
SHAPING = vocabulary(
    "fields field sort sortby order orderby ordering direction include includes expand embed format lang locale callback pretty view "
    "select query q search filter accesstoken apikey token page limit offset count with output alt prettyprint"
)
VERSION_WORDS = frozenset({"apiversion", "version", "xapiversion", "v"})


@dataclass
class Query:
    """What the query parameters of a listing can do."""

    filters: dict[str, dict[str, Any]] = field(default_factory=dict)  # column -> operator -> manifest
    demanded: dict[str, Parameter] = field(default_factory=dict)  # column -> parameter that must be given
    constants: dict[str, Any] = field(default_factory=dict)  # parameter -> value sent always
    body: dict[str, Any] = field(default_factory=dict)  # member of the body -> value sent always
    lacking: list[str] = field(default_factory=list)  # members of the body that are demanded and that no column gives
    headers: dict[str, str] = field(default_factory=dict)
    sort: dict[str, Any] = field(default_factory=dict)
    sorted_columns: dict[str, str] = field(default_factory=dict)  # column -> the service's name
    notes: list[str] = field(default_factory=list)


def find_query(shapes: Shapes, operation: Operation, columns: list[ColumnDraft], taken: set[str], version: str) -> Query:
    """Return the uses of an operation's query and header parameters; `taken` are those of paging."""
    query = Query()
    known = by_plain(columns)
    for param in operation.asking:
        shapes.document.spend(1)
        if param.name in taken or not param.name or (plain(param.name) in SHAPING and not param.is_required):
            continue
        shape = shapes.of(param.schema)
        if param.is_required:
            demand(query, param, shape, known, version)
        elif not ranges(query, shapes, param, shape, known):
            equal(query, param, shape, known)
    for param in operation.of("header"):
        shape = shapes.of(param.schema)
        value = constant(shape, param.name, version)
        if param.is_required and value and plain(param.name) not in ("authorization", "accept", "contenttype"):
            query.headers[param.name] = value
    find_sort(shapes, operation, query, known)
    return query


def demand(query: Query, param: Parameter, shape: Shape, known: dict[str, ColumnDraft], version: str) -> None:
    """Take a parameter that must be given: a constant where there is no choice, else a column that the query must name."""
    value = constant(shape, param.name, version)
    if value:
        always(query, param, shape.default if shape.default is not None else value)
        return
    if param.place == "body" and not shape.is_scalar:
        query.lacking.append(param.name)
        return
    column = known.get(plain(param.name))
    name = (
        column.name
        if column is not None and column.type in EQUAL and len(column.path) == 1
        else joined(words(param.name) or ("parameter",))
    )
    query.demanded[name] = param


def always(query: Query, param: Parameter, value: Any) -> None:
    """Send a value with every call, in its place."""
    if param.place == "body":
        query.body[param.name] = value
    else:
        query.constants[param.name] = value_of(value)


def where(param: Parameter) -> dict[str, str]:
    """Return what a manifest says of a value that goes into the body."""
    return {"in": "body"} if param.place == "body" else {}


def constant(shape: Shape, name: str, version: str) -> str:
    """Return the value of a parameter that has no other: its default, its only choice, the version of the API."""
    if shape.default is not None and value_of(shape.default):
        return value_of(shape.default)
    if len(shape.enum) == 1:
        return shape.enum[0]
    if plain(name) in VERSION_WORDS:
        return version if not isinstance(shape.example, str) else shape.example
    return ""


def ranges(query: Query, shapes: Shapes, param: Parameter, shape: Shape, known: dict[str, ColumnDraft]) -> bool:
    """Take `created[gte]` (written as an object or flat), `created_after`, `min_price`; tell whether it was one."""
    column = known.get(plain(param.name))
    if column is not None and column.type in RANGED and shape.properties:
        for member in shape.properties:
            operator = MEMBERS.get(plain(member))
            if operator:
                name = f"{param.name}.{member}" if param.place == "body" else f"{param.name}[{member}]"
                add(query, column, operator, replace(param, name=name), shapes.of(shape.properties[member]))
        return True
    own = words(param.name)
    if len(own) < 2:
        return False
    for word, rest in ((own[-1], own[:-1]), (own[0], own[1:])):
        for bounds in (LOWER, UPPER):
            column = ranged_column(rest, known) if word in bounds else None
            if column is not None:
                add(query, column, bounds[word], param, shape)
                return True
    return False


def ranged_column(rest: tuple[str, ...], known: dict[str, ColumnDraft]) -> ColumnDraft | None:
    """Return the column with an order that the words name: `created` is `created_at` too."""
    if rest[-1:] and rest[-1] in ("date", "time", "at", "on"):
        rest = rest[:-1]
    for ending in ("", "at", "on", "date", "time", "ts"):
        column = known.get("".join(rest) + ending)
        if column is not None and column.type in RANGED:
            return column
    return None


def equal(query: Query, param: Parameter, shape: Shape, known: dict[str, ColumnDraft]) -> None:
    """Take a parameter that is called like a column: what it finds is checked again, so it may find more."""
    own = plain(param.name)
    column = known.get(own) or known.get(
        plain("_".join(words(param.name)[1:])) if words(param.name)[:1] in (("filter",), ("filters",)) else ""
    )
    is_list = shape.kind == "array"
    if column is None and is_list:
        column = known.get(plain("".join((*words(param.name)[:-1], singular(words(param.name)[-1]))))) if words(param.name) else None
    if not query_all(query, param, shape, column):
        return
    if column is None or column.type not in EQUAL or shape.kind == "object":
        return
    entry: dict[str, Any] = {"param": param.name, "grade": "superset", **where(param)}
    if is_list and param.place == "body":
        entry["multiple"] = "list"
    if shape.enum and column.type == "string":
        entry["values"] = {choice: choice for choice in shape.enum}
    query.filters.setdefault(column.name, {}).setdefault("eq", dict(entry))
    if is_list:
        query.filters[column.name].setdefault("in", {"multiple": "repeat", **entry})


def query_all(query: Query, param: Parameter, shape: Shape, column: ColumnDraft | None) -> bool:
    """Ask for all rows where a default would leave some out; tell whether the parameter can filter all the same."""
    every = next((word for word in shape.enum if word.lower() in ALL_WORDS), "")
    told = value_of(shape.default)
    if every and told.lower() not in ALL_WORDS and (told or column is not None):
        always(query, param, every)
        query.notes.append(f"{param.name} is sent as {every}: otherwise rows are left out")
        return False
    if told and column is not None and column.type in EQUAL and shape.kind != "boolean":
        query.notes.append(f"{param.name} is {told} unless it is given: rows with another value come only when asked for")
    return True


def add(query: Query, column: ColumnDraft, operator: str, param: Parameter, shape: Shape) -> None:
    """Add a bound to a column; a day as upper bound of a time would lose the rows of that day."""
    if column.type == "timestamp" and shape.format == "date" and operator in ("lt", "le"):
        return
    entry: dict[str, Any] = {"param": param.name, "grade": "superset", **where(param)}
    form = format_of(column, shape)
    if form:
        entry["format"] = form
    have = query.filters.setdefault(column.name, {})
    have.setdefault(operator, entry)
    # A bound that leaves the value itself in serves the narrower question as well.
    narrower = {"ge": "gt", "le": "lt"}.get(operator)
    if narrower:
        have.setdefault(narrower, dict(entry))


def format_of(column: ColumnDraft, shape: Shape) -> str:
    """Return how a time is written in a parameter."""
    if column.type != "timestamp":
        return ""
    if shape.kind in ("integer", "number"):
        return "unix_ms" if "milli" in shape.description.lower() else "unix"
    if shape.format == "date":
        return "date"
    return "iso" if column.format == "unix" else ""


def find_sort(shapes: Shapes, operation: Operation, query: Query, known: dict[str, ColumnDraft]) -> None:
    """Find the parameter that orders rows and the columns that its choices name."""
    params = {plain(item.name): item for item in operation.of("query")}
    sort = next(
        (params[word] for word in ("sort", "sortby", "orderby", "order", "ordering", "sortfield", "sorting") if word in params), None
    )
    if sort is None:
        return
    shape = shapes.of(sort.schema)
    choices = shape.enum or (shapes.of(shape.items).enum if shape.kind == "array" else ())
    columns = {known[plain(choice)].name: choice for choice in choices if not choice.startswith(("-", "+")) and plain(choice) in known}
    if not columns:
        return
    if any(choice.startswith("-") for choice in choices):
        query.sort = {"param": sort.name, "ascending": "{field}", "descending": "-{field}", "nulls": "unknown"}
        query.sorted_columns = columns
