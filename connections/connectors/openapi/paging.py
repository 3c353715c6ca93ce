"""How a listing gives page two: what its parameters, the envelope of its answer and its headers say of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from connections.connectors.openapi.document import Operation, Parameter
from connections.connectors.openapi.names import plain, words
from connections.connectors.openapi.paging_words import (
    CURSOR,
    HEADER,
    LAST_ID,
    MORE,
    MOST_WORDS,
    NEXT_URL,
    OFFSET,
    PAGE,
    PAGES,
    PAGES_HEADERS,
    SIZE,
    TIMES,
    TOTAL,
    TOTAL_HEADERS,
    word_of,
)
from connections.connectors.openapi.rows import Rows
from connections.connectors.openapi.schema import Shape, Shapes

HOLDERS = ("cursor", "cursors", "next", "nextpage", "paging", "pagination", "pageinfo", "meta")
UNTIL = ("until", "before", "to", "end")  # take the time of the last row, newest first


@dataclass(frozen=True, slots=True)
class Paging:
    """How page two is asked for."""

    type: str  # of the manifest; unknown = the document does not tell
    settings: dict[str, Any] = field(default_factory=dict)
    confidence: str = "sure"
    reason: str = ""
    total: tuple[str, ...] = ()  # where the answer tells the number of rows
    total_header: str = ""  # the header that tells it


@dataclass(frozen=True, slots=True)
class Told:
    """One property of an envelope: where it is and what it holds."""

    path: tuple[str, ...]
    shape: Shape

    @property
    def word(self) -> str:
        """Return its own name, plain."""
        return plain(self.path[-1])

    @property
    def words(self) -> str:
        """Return the names of it and what holds it, plain: `links.next` -> linksnext."""
        return plain("_".join(self.path))


def find_paging(
    shapes: Shapes, operation: Operation, rows: Rows, id_path: tuple[str, ...] = (), secret: frozenset[str] = frozenset()
) -> Paging:
    """Return how a listing is paged, the surest evidence first; `id_path` is where one row has its id, `secret` parameters sign in."""
    told = list(envelope_of(shapes, rows))
    query = {word_of(item.name): item for item in operation.asking if item.name not in secret}
    size = size_of(shapes, operation)
    found = (
        by_extension(operation)
        or by_last_id(query, told, id_path)
        or by_next_url(told)
        or by_cursor(shapes, query, told)
        or by_cursor_header(operation, query)
        or by_link(told)
        or by_link_header(operation)
        or by_page(shapes, query, told, operation)
        or by_offset(shapes, query, told, size)
        or by_last_id_alone(query, id_path)
        or by_envelope(told)
        or unpaged(query, told, size)
    )
    size = size_of(shapes, operation, found.type)
    posted = {item.name for item in operation.of("body")}
    where = {"in": "body"} if found.settings.get("param") in posted else {}
    settings = {**found.settings, **where, **({"size": size} if size and found.type not in ("none", "unknown") else {})}
    total = next((item.path for item in told if item.word in TOTAL and item.shape.kind in ("integer", "number")), ())
    header = "" if total else next((name for name in sorted(operation.answer_headers) if name in TOTAL_HEADERS), "")
    return Paging(found.type, settings, found.confidence, found.reason, total, header)


def envelope_of(shapes: Shapes, rows: Rows) -> Iterator[Told]:
    """Give what stands in the answer beside the rows, two objects deep."""
    if rows.envelope.kind != "object":
        return
    stack: list[tuple[tuple[str, ...], Shape]] = [((), rows.envelope)]
    while stack:
        path, shape = stack.pop(0)
        shapes.document.spend(len(shape.properties))
        for name, raw in list(shape.properties.items())[:200]:
            here = (*path, name)
            inner = shapes.of(raw)
            if here == rows.path:
                continue
            yield Told(here, inner)
            if inner.kind == "object" and inner.properties and len(path) < 2:
                stack.append((here, inner))


def size_of(shapes: Shapes, operation: Operation, kind: str = "") -> dict[str, Any]:
    """Return the parameter of the page's size and its greatest value, as far as the document tells.

    Services that take both `page` with `page_size` and `offset` with `limit` do not mix them.
    """
    found = list(sizes_of(shapes, operation))
    fitting = [size for size in found if ("page" in word_of(size["param"])) == (kind == "page")] if kind in ("page", "offset") else []
    return next(iter(fitting or found), {})


def sizes_of(shapes: Shapes, operation: Operation) -> Iterator[dict[str, Any]]:
    """Give all parameters that may be the page's size."""
    has_least = any(word_of(item.name) == "min" for item in operation.asking)  # then `max` is the end of a range
    for item in operation.asking:
        own = word_of(item.name)
        if own not in SIZE and not (own.startswith("page") and own[4:] in SIZE):
            continue
        shape = shapes.of(item.schema)
        if shape.kind not in ("integer", "number", "any", "string") or (own == "max" and has_least):
            continue
        most = shape.maximum if shape.maximum and 1 <= shape.maximum <= 10_000 else most_in(item.description or shape.description)
        yield {"param": item.name, **({"in": "body"} if item.place == "body" else {}), **({"max": most} if most else {})}


def most_in(text: str) -> int:
    """Return the greatest page size that a description names, or 0."""
    numbers = [int(match[1]) for match in MOST_WORDS.finditer(text)]
    return max((number for number in numbers if 1 <= number <= 10_000), default=0)


def by_extension(operation: Operation) -> Paging | None:
    """Read `x-ms-pageable`, which names the property of the next address."""
    told = operation.extensions.get("x-ms-pageable")
    if not isinstance(told, dict):
        return None
    name = told.get("nextLinkName", "nextLink")
    if name is None:
        return Paging("none", reason="x-ms-pageable says that one answer holds all rows")
    return Paging("next_url", {"next": [str(name)]}, reason="x-ms-pageable names the next address")


def by_last_id(query: dict[str, Parameter], told: list[Told], id_path: tuple[str, ...]) -> Paging | None:
    """Find paging by the id of the last row: `starting_after` beside `has_more`."""
    more = next((item for item in told if item.word in MORE and len(item.path) == 1), None)
    param = next((query[word] for word in query if word in LAST_ID), None)
    has_cursor = any(is_cursor(item) for item in told)
    if more is None or param is None or not id_path or has_cursor:
        return None
    settings = {"param": param.name, "id": list(id_path), "more": list(more.path)}
    sure = "sure" if plain(param.name) == "startingafter" else "likely"
    return Paging("last_id", settings, sure, f"{param.name} takes the last row's id and {more.path[-1]} tells whether there are more")


def by_next_url(told: list[Told]) -> Paging | None:
    """Find what surely is the address of the next page in the answer."""
    for item in told:
        link = next_link(item)
        if link is not None and is_address(link[1], link[0]):
            return Paging("next_url", {"next": list(link[0])}, reason=f"{'.'.join(link[0])} is the next address")
    return None


def by_link(told: list[Told]) -> Paging | None:
    """Find what may be the address of the next page, where no parameter takes it."""
    for item in told:
        link = next_link(item)
        if link is not None and link[1].kind == "string" and item.word not in ("nextpage", "nexttoken"):
            return Paging("next_url", {"next": list(link[0])}, "likely", f"{'.'.join(link[0])} may be the next address")
    return None


def next_link(item: Told) -> tuple[tuple[str, ...], Shape] | None:
    """Return path and shape of an item where it may be the next address; `next: {href}` has it one deeper."""
    above = plain(item.path[-2]) if len(item.path) > 1 else ""
    if item.shape.kind == "string" or (item.shape.kind == "any" and item.word == "next"):
        if item.word in NEXT_URL or (above == "next" and item.word in ("href", "url", "uri", "link")):
            return item.path, item.shape
        if above == "next" and item.word == "path":
            return item.path, item.shape
    return None


def is_address(shape: Shape, path: tuple[str, ...]) -> bool:
    """Claim that a text is an address rather than a token."""
    if shape.kind == "any":
        return len(path) > 1 and plain(path[-2]) in ("links", "link")
    example = shape.example if isinstance(shape.example, str) else ""
    if example.startswith(("/", "?")):
        return True
    said = f"{shape.description} {example}".lower()
    own = plain(path[-1])
    if shape.format in ("uri", "url", "uri-reference", "iri"):
        return True
    if any(word in own for word in ("url", "uri", "link", "href")) or (len(path) > 1 and plain(path[-2]) in ("links", "link", "next")):
        return True
    return any(word in said for word in ("http://", "https://", "url", "uri ", " link", "href")) and "token" not in own


def by_cursor(shapes: Shapes, query: dict[str, Parameter], told: list[Told]) -> Paging | None:
    """Find a token in the answer that a parameter takes."""
    tokens = [item for item in told if is_cursor(item)]
    texts = {word: param for word, param in query.items() if word not in PAGE or shapes.of(param.schema).kind not in ("integer", "number")}
    for item in tokens:
        param = parameter_for(item, texts if item.shape.kind == "string" else query)
        if param is not None:
            path = list(item.path)
            more = next((one.path for one in told if one.word in MORE), ())
            settings = {"next": path, "param": param.name, **({"more": list(more)} if more else {})}
            sure = "likely" if plain(param.name) in UNTIL else "sure"
            return Paging("cursor", settings, sure, f"{param.name} takes {'.'.join(path)}")
    return None


def is_cursor(item: Told) -> bool:
    """Claim that an item is a token for the next page."""
    if item.shape.kind not in ("string", "any", "integer", "number"):
        return False
    own = words(item.path[-1])
    word = item.word
    if not own or (own[0] in ("prev", "previous", "before", "first", "last", "start", "begin") and word != "lastevaluatedkey"):
        return False
    above = plain(item.path[-2]) if len(item.path) > 1 else ""
    if item.shape.kind in ("integer", "number") and above in HOLDERS and word in ("next", "after"):
        return True
    if item.shape.kind in ("integer", "number"):
        return word in ("nextcursor", "nextoffset", "nextpage", "nextstart", "nextid", "nextstartposition")
    if word == "continue" or (word in CURSOR and word not in ("token", "starting", "position")) or "next" in own:
        return True
    return above in HOLDERS and word in (
        "after",
        "next",
        "token",
        "offset",
        "cursor",
        "endcursor",
        "id",
    )


def parameter_for(item: Told, query: dict[str, Parameter]) -> Parameter | None:
    """Return the parameter that takes the token: the one of its name, of its name without "next", or the only one for tokens."""
    bare = item.word.removeprefix("next") or item.word
    above = plain(item.path[-2]) if len(item.path) > 1 else ""
    for word in (item.word, bare, f"page{bare}", f"starting{bare}", f"start{bare}", above + item.word):
        if word in query:
            return query[word]
    if item.shape.kind in ("integer", "number"):
        if TIMES.search(item.shape.description):
            return next((query[word] for word in UNTIL if word in query), None)
        numbers = (query[word] for word in query if (word in OFFSET or word in PAGE) and not is_time(query[word]))
        return next(numbers, None) if "next" in item.word else None
    tokens = [query[word] for word in query if word in CURSOR] or ([query[item.word[4:]]] if item.word[4:] in query else [])
    return tokens[0] if tokens else next((query[word] for word in query if word.endswith(("cursor", "pagetoken", "after"))), None)


def is_time(param: Parameter) -> bool:
    """Claim that a parameter takes a moment, not a number of rows: `from` and `start` may be either."""
    form = param.schema.get("format") if isinstance(param.schema, dict) else ""
    return bool(TIMES.search(param.description)) or form in ("date", "date-time")


def by_cursor_header(operation: Operation, query: dict[str, Parameter]) -> Paging | None:
    """Find a token in a header of the answer, declared or named where its parameter is described."""
    param = next((query[word] for word in query if word in CURSOR and not query[word].is_required), None)
    if param is None:
        return None
    declared = next((name for name in sorted(operation.answer_headers) if HEADER.fullmatch(name)), "")
    named = HEADER.search(param.description)
    header = declared or (named[1] if named else "")
    if not header:
        return None
    return Paging("cursor", {"next_header": header, "param": param.name}, "sure" if declared else "likely", f"{param.name} takes {header}")


def by_link_header(operation: Operation) -> Paging | None:
    """Find the Link header (RFC 8288) among the headers of the answer."""
    if "link" not in operation.answer_headers:
        return None
    return Paging("link_header", reason="the answer has a Link header")


def by_page(shapes: Shapes, query: dict[str, Parameter], told: list[Told], operation: Operation) -> Paging | None:
    """Find a page number among the parameters."""
    param = next((query[word] for word in query if word in PAGE or (word.startswith("page") and word[4:] in PAGE)), None)
    if param is None or not is_number(shapes, param):
        return None
    shape = shapes.of(param.schema)
    is_spring = any(item.word in ("totalelements", "numberofelements", "pageable") for item in told)
    start, sure = (0, True) if is_spring else first_page(shape, param.description)
    pages = next((item.path for item in told if item.word in PAGES and item.shape.kind in ("integer", "number")), ())
    header = next((name for name in sorted(operation.answer_headers) if name in PAGES_HEADERS), "")
    last = {"pages": list(pages)} if pages else {"pages_header": header} if header else {}
    settings = {"param": param.name, "start": start, **last}
    return Paging(
        "page",
        settings,
        "sure" if sure else "likely",
        f"{param.name} is a page number" + ("" if sure else f"; that it begins with {start} is a guess"),
    )


def first_page(shape: Shape, said: str) -> tuple[int, bool]:
    """Return the number of the first page and whether the document tells it."""
    text = said.lower().replace("`", "")
    found = re.search(r"(zero|one|0|1).?(?:based|indexed)|(?:start|begin)\w* (?:at|from|with) (?:page )?(zero|one|0|1)\b", text)
    spoken = {"zero": 0, "0": 0, "one": 1, "1": 1}[found[1] or found[2]] if found else None
    # A least value of 0 may only be careless; words are not.
    for value in (shape.default, spoken, shape.minimum):
        if isinstance(value, str) and value.isdigit():
            value = int(value)
        if value in (0, 1) and not isinstance(value, bool):
            return int(value), True
    return 1, False


def by_offset(shapes: Shapes, query: dict[str, Parameter], told: list[Told], size: dict[str, Any]) -> Paging | None:
    """Find a number of rows to pass over among the parameters."""
    param = next((query[word] for word in query if word in OFFSET or (word.startswith("page") and word[4:] in OFFSET)), None)
    if (
        param is None
        or not is_number(shapes, param)
        or is_time(param)
        or (not size and plain(param.name) not in ("offset", "skip", "startat", "startindex"))
    ):
        return None
    shape = shapes.of(param.schema)
    start = 1 if plain(param.name) == "startindex" and (shape.default == 1 or shape.minimum == 1) else 0
    return Paging("offset", {"param": param.name, "start": start}, reason=f"{param.name} passes over rows")


def by_last_id_alone(query: dict[str, Parameter], id_path: tuple[str, ...]) -> Paging | None:
    """Find paging by the last row's id where nothing in the answer speaks of it."""
    words_of_ids = ("maxid", "startingafter", "afterid", "lastid", "startafterid", "lastseenid", "sinceid", "beforeid")
    param = next((query[word] for word in words_of_ids if word in query), None)
    if param is None or not id_path:
        return None
    return Paging("last_id", {"param": param.name, "id": list(id_path)}, "guess", f"{param.name} may take the last row's id")


def by_envelope(told: list[Told]) -> Paging | None:
    """Take the page number that the answer tells for a parameter of the same name that the document leaves out."""
    numbers = {item.word: item for item in told if item.shape.kind in ("integer", "number")}
    page = next((numbers[word] for word in numbers if word in PAGE), None)
    pages = next((numbers[word] for word in numbers if word in PAGES), None)
    following = numbers.get("nextpage")
    if page is None or (pages is None and following is None):
        return None
    settings = {"param": page.path[-1], "start": 1, **({"pages": list(pages.path)} if pages else {})}
    return Paging("page", settings, "guess", f"the answer numbers its pages, so {page.path[-1]} may ask for one")


def unpaged(query: dict[str, Parameter], told: list[Told], size: dict[str, Any]) -> Paging:
    """Say why page two can't be found."""
    token = next((param.name for word, param in query.items() if word in CURSOR | OFFSET | PAGE and not is_time(param)), "")
    if token:
        reason = f"{token} asks for pages, but nothing tells where its value comes from"
    elif size:
        reason = f"{size['param']} sets the page's size, but nothing tells how to ask for the next page"
    elif any(item.word in MORE | PAGES | TOTAL | NEXT_URL or is_cursor(item) for item in told):
        reason = "the answer speaks of pages, but no parameter asks for the next one"
    else:
        reason = "the document says nothing about pages"
    return Paging("unknown", {}, "guess", reason)


def is_number(shapes: Shapes, param: Parameter) -> bool:
    """Claim that a parameter may be a whole number; some documents type theirs as text, but text may be a token as well."""
    shape = shapes.of(param.schema)
    if shape.kind == "string":
        said = f"{param.description} {shape.description}".lower()
        return not shape.enum and not shape.format and not any(word in said for word in ("token", "cursor", "opaque", "returned by"))
    return shape.kind in ("integer", "number", "any")
