"""Where the rows are in an answer: the array itself, a named array, or the only array of objects beside the marks of paging."""

from __future__ import annotations

from dataclasses import dataclass, field

from connections.connectors.openapi.document import Operation
from connections.connectors.openapi.names import plain, singular, vocabulary, words
from connections.connectors.openapi.schema import EMPTY, Shape, Shapes

ROW_WORDS = vocabulary(
    "values data items item results result records record value entries entry rows row list content contents elements objects resources "
    "hits docs documents nodes edges collection members member matches response payload body embedded page pages feed"
)
PAGING_WORDS = vocabulary(
    "next previous prev first last page pages pagelen perpage pagesize size limit offset total count cursor hasmore more links link meta "
    "metadata paging pagination startat maxresults islast resultset start end object self url uri href self summary totalcount "
    "totalitems totalpages totalresults truncated istruncated marker token skip top ok success status code message error errors warnings "
    "context included jsonapi kind etag type xml lastpage nextpage prevpage currentpage numpages query responsemetadata"
)
# Marks that an answer has whether or not it has pages, and what stands beside a wrapper of the whole answer.
STATUS_WORDS = vocabulary(
    "status success code message error errors warnings context version type ok xml self url uri href kind etag object query"
)
BESIDE_WORDS = vocabulary(
    "error errors status message messages code trace throttle debug time timestamp duration request version took warnings"
)
NEVER_ROWS = vocabulary("errors error warnings links validationerrors")
ID_WORDS = frozenset({"id", "uuid", "guid", "key", "slug", "sid", "gid"})
WRAPPERS = vocabulary("data response result results embedded payload body content value page object root output message d")
MOST_DEPTH = 3


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of an answer."""

    path: tuple[str, ...]  # from the root of the answer; () = the answer is the array
    shape: Shape  # of one row
    envelope: Shape = EMPTY  # of the whole answer
    is_map: bool = False
    is_single: bool = False  # the answer is one row
    confidence: str = "sure"  # sure | likely | guess
    reason: str = ""
    wrapped: tuple[str, ...] = field(default=())  # the path inside one row to the object itself


def find_rows(shapes: Shapes, operation: Operation) -> Rows | None:
    """Return the rows that a listing answers with, or None where it answers with one thing."""
    envelope = shapes.of(operation.answer)
    if envelope.kind == "array":
        row = shapes.of(envelope.items)
        return inside(shapes, Rows((), row, envelope, reason="the answer is an array")) if holds_columns(row) else None
    if envelope.kind != "object":
        return None
    found = in_object(shapes, envelope, operation, (), 0)
    return inside(shapes, found) if found else None


def holds_columns(row: Shape) -> bool:
    """Claim that a row can have columns: an object; what has no schema may be one."""
    return row.kind == "object" and (bool(row.properties) or row.values is None)


def in_object(shapes: Shapes, envelope: Shape, operation: Operation, path: tuple[str, ...], depth: int) -> Rows | None:
    """Return the array of rows inside an object, looking through wrappers (`{"data": {"items": [...]}}`)."""
    shapes.document.spend(len(envelope.properties))
    inner = {name: shapes.of(raw) for name, raw in list(envelope.properties.items())[:300]}
    arrays = {name: shapes.of(shape.items) for name, shape in inner.items() if shape.kind == "array"}
    arrays = {name: row for name, row in arrays.items() if holds_columns(row) and row.properties and may_be_rows(name, operation)}
    found = best(arrays, inner, operation, envelope)
    if found is not None:
        name, confidence, reason = found
        return Rows((*path, name), arrays[name], envelope if not path else EMPTY, confidence=confidence, reason=reason)
    if depth < MOST_DEPTH:
        for name, shape in inner.items():
            is_wrapper = plain(name) in WRAPPERS or names_path(name, operation)
            is_around = (is_wrapper or plain(name) == "meta") and all(is_beside(other) for other in inner if other != name)
            if shape.kind == "object" and shape.properties and is_around:
                deeper = in_object(shapes, shape, operation, (*path, name), depth + 1)
                if deeper and (is_wrapper or deeper.confidence == "sure"):
                    return Rows(deeper.path, deeper.shape, envelope, confidence=deeper.confidence, reason=deeper.reason)
    return None if path else in_map(shapes, envelope, inner, operation)


def best(arrays: dict[str, Shape], inner: dict[str, Shape], operation: Operation, envelope: Shape) -> tuple[str, str, str] | None:
    """Return which array holds the rows, how sure that is and why."""
    has_id = any(plain(name) in ID_WORDS and inner[name].is_scalar for name in inner)
    named = [name for name in arrays if plain(name) in ROW_WORDS]
    by_path = [name for name in arrays if names_path(name, operation)]
    paging = [name for name in inner if name not in arrays and is_paging(name)]
    others = [name for name in inner if name not in arrays and not is_paging(name)]
    is_item = operation.path.rstrip("/").endswith("}")
    if is_item and has_id:
        return None
    if by_path and not (is_item and not paging) and (not has_id or paging):
        return by_path[0], "sure", f"{by_path[0]} is named like the path"
    if named and (not has_id or paging):
        first = sorted(named, key=lambda name: (plain(name) not in ("data", "values", "items", "results"), list(inner).index(name)))[0]
        return first, "sure" if paging or not others else "likely", f"{first} is a usual name of rows"
    if len(arrays) == 1 and not has_id and not others:
        only = next(iter(arrays))
        if not is_item or paging or plain(only).startswith(plain(envelope.name) or "?"):
            return only, "likely", f"{only} is the only array of objects" + (" beside marks of paging" if paging else "")
    if len(arrays) == 1 and not has_id and not is_item and any(plain(name) not in STATUS_WORDS for name in paging):
        only = next(iter(arrays))
        return only, "guess", f"{only} is the only array of objects"
    return None


def names_path(name: str, operation: Operation) -> bool:
    """Claim that a property is named like the last fixed part of the path."""
    fixed = [part for part in operation.path.strip("/").split("/") if "{" not in part]
    if not fixed:
        return False
    last, own = words(fixed[-1].split(".")[0]), words(name)
    if not last or not own:
        return False
    own = own[:-1] if len(own) > 1 and own[-1] in ("list", "array", "collection") else own
    ending = last[-len(own) :]
    return singular("".join(own)) == singular("".join(last)) or (singular(own[-1]) == singular(last[-1]) and own[:-1] == ending[:-1])


def may_be_rows(name: str, operation: Operation) -> bool:
    """Claim that an array is not what went wrong with the question, or where else to look."""
    return plain(name) not in NEVER_ROWS or names_path(name, operation)


def is_beside(name: str) -> bool:
    """Claim that a property stands beside the wrapper of an answer: a mark of paging, or how the call went."""
    return is_paging(name) or bool(BESIDE_WORDS.intersection(words(name)))


def is_paging(name: str) -> bool:
    """Claim that a property belongs to the envelope, not to a thing."""
    own = words(name)
    return "".join(own) in PAGING_WORDS or (bool(own) and own[0] in ("next", "prev", "previous", "total", "num", "page", "has", "paging"))


def in_map(shapes: Shapes, envelope: Shape, inner: dict[str, Shape], operation: Operation) -> Rows | None:
    """Return the rows of an answer whose rows are values by key: `{"a": {...}, "b": {...}}`."""
    if envelope.values is not None and not inner and "{" not in operation.path.rsplit("/", 1)[-1]:
        row = shapes.of(envelope.values)
        if row.kind == "object" and row.properties:
            return Rows((), row, envelope, is_map=True, confidence="guess", reason="the answer is a map of objects")
    return None


def inside(shapes: Shapes, rows: Rows) -> Rows:
    """Return the rows with the wrapper of each one looked through: `[{"product": {...}}]`, `edges[].node`."""
    if len(rows.shape.properties) > 2:
        return rows
    for name, raw in rows.shape.properties.items():
        shape = shapes.of(raw)
        others = [other for other in rows.shape.properties if other != name]
        if shape.kind == "object" and len(shape.properties) > 2 and all(plain(other) in ("cursor", "links", "kind") for other in others):
            return Rows(
                rows.path,
                shape,
                rows.envelope,
                rows.is_map,
                confidence=rows.confidence,
                reason=f"{rows.reason}; each holds one {name}",
                wrapped=(name,),
            )
    return rows


def single_row(shapes: Shapes, operation: Operation) -> Rows | None:
    """Return the one row that an address of one thing answers with, wrappers looked through."""
    envelope = shape = shapes.of(operation.answer)
    path: tuple[str, ...] = ()
    for _ in range(MOST_DEPTH):
        if shape.kind != "object" or not shape.properties:
            return None
        inner = {name: shapes.of(raw) for name, raw in list(shape.properties.items())[:300]}
        objects = [name for name, one in inner.items() if one.kind == "object" and one.properties]
        rest = [name for name in inner if name not in objects]
        is_wrapped = len(objects) == 1 and all(is_paging(name) for name in rest) and (plain(objects[0]) in WRAPPERS or not rest)
        if not is_wrapped:
            break
        path, shape = (*path, objects[0]), inner[objects[0]]
    return Rows(path, shape, envelope, is_single=True, reason="the answer is one object") if any_scalar(shapes, shape) else None


def any_scalar(shapes: Shapes, shape: Shape) -> bool:
    """Claim that an object has a plain value among its properties."""
    return shape.kind == "object" and any(shapes.of(raw).is_scalar for raw in list(shape.properties.values())[:300])
