"""Which operations make which table: listings, the addresses of one row that belong to them, names that tell them apart."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from connections.connectors.openapi.asking import ASKS, asked_rows, is_secret, last_words, with_members
from connections.connectors.openapi.columns import ColumnDraft
from connections.connectors.openapi.document import Operation
from connections.connectors.openapi.keys import Key
from connections.connectors.openapi.names import is_plural, joined, plain, singular_name, words
from connections.connectors.openapi.paging_words import CURSOR, OFFSET, PAGE, SIZE, word_of
from connections.connectors.openapi.paths import VAGUE, Parts, name_chain, parts_of, suffix_of
from connections.connectors.openapi.rows import ID_WORDS, Rows, find_rows, single_row
from connections.connectors.openapi.schema import Shape, Shapes

MOST_TABLES = 2500


@dataclass
class TableDraft:
    """A table in the making."""

    operation: Operation  # that lists it, or gives its one row
    parts: Parts
    rows: Rows
    chain: tuple[tuple[str, ...], ...]  # words of the name, then of what can be put before it
    kind: str = "list"  # list | item (only by its key) | one (an address with one row)
    name: str = ""
    item: Operation | None = None  # that gives one row by its key
    item_rows: Rows | None = None
    lookups: list[tuple[Operation, Rows]] = field(default_factory=list)  # further addresses of one row, by another column perhaps
    key: Key | None = None
    columns: list[ColumnDraft] = field(default_factory=list)
    given: dict[str, str] = field(default_factory=dict)  # path parameter -> column
    prefix: int = 0  # how many words of the chain stand before the name
    suffix: tuple[str, ...] = ()  # words that can be put behind it
    has_suffix: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """Return the words of the name so far."""
        before = [word for part in reversed(self.chain[1 : 1 + self.prefix]) for word in part]
        return (*before, *self.chain[0], *(self.suffix if self.has_suffix else ()))


def find_tables(shapes: Shapes, operations: Iterable[Operation]) -> list[TableDraft]:
    """Return the tables of a document with their names, rows and addresses of one row."""
    lists: list[TableDraft] = []
    items: list[TableDraft] = []
    for operation in operations:
        draft = draft_of(shapes, operation) if operation.method == "GET" else posted(shapes, operation)
        if draft is not None:
            (lists if draft.kind == "list" else items).append(draft)
    lists = once(lists)
    rest = join_items(lists, items)
    tables = [*lists, *rest]
    if len(tables) > MOST_TABLES:
        shapes.document.remark(f"The document has more than {MOST_TABLES} tables; the rest was left out.")
        tables = tables[:MOST_TABLES]
    name_all(tables)
    return tables


def draft_of(shapes: Shapes, operation: Operation) -> TableDraft | None:
    """Return what one reading operation gives: a list, one row of a list, or one row that stands alone."""
    parts = parts_of(operation.path)
    rows = find_rows(shapes, operation)
    if (rows is None or not rows.shape.properties) and operation.example is not None:
        by_example = replace(operation, answer={"example": operation.example})
        rows = find_rows(shapes, by_example) or rows
        operation = by_example if rows is None and single_row(shapes, operation) is None else operation
    if rows is not None:
        return TableDraft(operation, parts, rows, name_chain(operation, rows.shape.name, True), suffix=suffix_of(operation))
    rows = single_row(shapes, operation)
    if rows is None:
        rows = undescribed(shapes, operation, parts)
        return TableDraft(operation, parts, rows, name_chain(operation, "", True)) if rows else None
    if not rows.path and ID_WORDS.intersection(map(plain, rows.shape.properties)) and is_paged_list(operation, parts):
        said = "the document tells of one row, but its parameters ask for pages"
        rows = replace(rows, envelope=Shape("array"), is_single=False, confidence="likely", reason=said)
        return TableDraft(operation, parts, rows, name_chain(operation, rows.shape.name, True), suffix=suffix_of(operation))
    kind = "item" if parts.ends_in_parameter else "one"
    return TableDraft(operation, parts, rows, name_chain(operation, rows.shape.name, kind == "item"), kind=kind)


def posted(shapes: Shapes, operation: Operation) -> TableDraft | None:
    """Return the list that a POST asks for; None where it may be anything else."""
    rows = asked_rows(shapes, operation) if operation.method == "POST" else None
    if rows is None:
        return None
    whole = with_members(shapes, operation)
    secret = next((item.name for item in whole.of("body") if item.is_required and is_secret(item)), "")
    if secret:
        shapes.document.remark(f"POST {operation.path} is no table: {secret} would have to be named in queries.")
        return None
    return TableDraft(whole, parts_of(operation.path), rows, name_chain(operation, rows.shape.name, True), suffix=suffix_of(operation))


def is_paged_list(operation: Operation, parts: Parts) -> bool:
    """Claim that an answer described as one row is a list of such rows: the path is plural, and pages of some size are asked for."""
    last = parts.fixed[-1:] if not parts.ends_in_parameter else ()
    asked = {word_of(item.name) for item in operation.of("query") if not item.is_required}
    return bool(last) and is_plural((words(last[0]) or ("",))[-1]) and bool(asked & SIZE) and bool(asked & (PAGE | OFFSET | CURSOR))


def undescribed(shapes: Shapes, operation: Operation, parts: Parts) -> Rows | None:
    """Return rows of which nothing is known, where the path at least is that of a list: a live probe can tell more."""
    shape = shapes.of(operation.answer)
    last = parts.fixed[-1:] if not parts.ends_in_parameter else ()
    if shape.kind != "any" or not last or not is_plural((words(last[0]) or ("",))[-1]):
        return None
    return Rows((), Shape("object"), confidence="guess", reason="the document does not describe the answer")


def once(lists: list[TableDraft]) -> list[TableDraft]:
    """Return the listings without second spellings of one path; those that are not deprecated go first."""
    found: dict[str, TableDraft] = {}
    for draft in sorted(lists, key=lambda item: (item.operation.is_deprecated, item.operation.method != "GET")):
        found.setdefault(draft.parts.shape, draft)
    return sorted(found.values(), key=depth)


def depth(draft: TableDraft) -> tuple[int, int]:
    """Return how far from the root a table lies."""
    return len(draft.parts.names), len(draft.parts.segments)


def join_items(lists: list[TableDraft], items: list[TableDraft]) -> list[TableDraft]:
    """Give each listing the address of one of its rows; return the addresses that belong to none."""
    by_shape = {draft.parts.shape: draft for draft in lists}
    for draft in lists:
        above = draft.parts.shape.rpartition("/")[0]
        if above and ASKS.intersection(last_words(draft.operation)) and not draft.parts.ends_in_parameter:
            by_shape.setdefault(above, draft)  # /pets/search lists what /pets/{id} gives
    by_schema: dict[tuple[str, tuple[str, ...]], list[TableDraft]] = defaultdict(list)
    for draft in lists:
        if draft.rows.shape.name:
            by_schema[draft.rows.shape.name, scope(draft)].append(draft)
    rest: list[TableDraft] = []
    for one in sorted(items, key=depth):
        home = by_shape.get(one.parts.shape.rpartition("/")[0]) if one.kind == "item" else None
        if home is None and one.kind == "item":
            found = by_schema.get((one.rows.shape.name, scope(one)), []) if one.rows.shape.name else []
            home = next((draft for draft in found if draft.item is None), None)
            if home is None:
                look_up(one, [*found[:1], *filter(None, [by_shape.get(one.parts.shape.rsplit("/", 2)[0])])])
        if home is not None and home.item is None and home.parts.names == one.parts.names[: len(home.parts.names)]:
            home.item, home.item_rows = one.operation, one.rows
        elif home is not None and home.parts.names == scope(one):
            home.lookups.append((one.operation, one.rows))
        elif home is None:
            rest.append(one)
    return once_by_schema(lists, rest)


def look_up(one: TableDraft, homes: list[TableDraft]) -> None:
    """Tell the listing that an address gives one of its rows too: /users/by-email/{email}."""
    home = next((draft for draft in homes if draft.parts.names == scope(one)), None)
    if home is not None:
        home.lookups.append((one.operation, one.rows))


def scope(draft: TableDraft) -> tuple[str, ...]:
    """Return the parameters that say where a table lies, without the one that names its row."""
    return draft.parts.names[:-1] if draft.kind == "item" else draft.parts.names


def once_by_schema(lists: list[TableDraft], rest: list[TableDraft]) -> list[TableDraft]:
    """Return the single rows that no listing has, one for each kind and path."""
    found: dict[str, TableDraft] = {}
    for draft in rest:
        found.setdefault(draft.parts.shape, draft)
    taken = {draft.parts.shape for draft in lists}
    return [draft for draft in found.values() if draft.parts.shape not in taken]


def name_all(tables: list[TableDraft]) -> None:
    """Give every table a name of its own: the nearest to the root keeps the plain one, others get what they belong to before it."""
    tell_versions(tables)
    for draft in tables:
        own = singular_name(draft.chain[0])
        is_vague = (len(own) == 1 and own[0] in VAGUE) or "".join(own) in VAGUE
        draft.prefix = 1 if is_vague and len(draft.chain) > 1 and len(draft.parts.fixed) > 1 else 0
    for _ in range(12):
        groups = same_names(tables)
        clashes = [group for group in groups.values() if len(group) > 1]
        if not clashes or not sum(lengthen(group) for group in clashes):  # every group, not the first
            break
    taken: set[str] = set()
    for draft in tables:
        name = stem = joined(draft.words)[:100]
        number = 2
        while name.lower() in taken:
            name, number = f"{stem}{number}", number + 1
        taken.add(name.lower())
        draft.name = name


def tell_versions(tables: list[TableDraft]) -> None:
    """Put the version behind the names of paths that differ in nothing else, save those of the newest."""
    groups: dict[tuple[tuple[str, ...], ...], list[TableDraft]] = defaultdict(list)
    for draft in tables:
        version = draft.parts.version
        if version:
            groups[tuple(part for part in draft.parts.segments if part != version), draft.parts.names].append(draft)
    for group in groups.values():
        for draft in sorted(group, key=lambda item: numbers_in(item.parts.version))[:-1]:
            draft.suffix, draft.has_suffix = (*draft.suffix, *words(draft.parts.version)), True


def numbers_in(text: str) -> tuple[int, ...]:
    """Return the numbers of a version, for comparing."""
    return tuple(int(number) for number in re.findall(r"[0-9]{1,9}", text))


def same_names(tables: list[TableDraft]) -> dict[str, list[TableDraft]]:
    """Return the tables by the name they have so far."""
    groups: dict[str, list[TableDraft]] = defaultdict(list)
    for draft in tables:
        groups[plain(joined(draft.words))].append(draft)
    return groups


def lengthen(group: list[TableDraft]) -> bool:
    """Put one more word before the names of a group, save its root's; tell whether any got longer."""
    group.sort(key=lambda draft: (draft.operation.method == "POST", draft.kind != "list", bool(draft.suffix), *depth(draft)))
    home = next((draft for draft in group[1:] if is_home(draft, group[0])), group[0])
    others = [draft for draft in group if draft is not home]
    longer = False
    for draft in others if home is not group[0] or keeps_name(home, others) else group:
        if draft.suffix and not draft.has_suffix:
            draft.has_suffix = longer = True
        elif draft.prefix + 1 < len(draft.chain):
            draft.prefix += 1
            longer = True
    return longer


def is_home(draft: TableDraft, nearest: TableDraft) -> bool:
    """Claim that a table, though deeper, is where the rows live: `/repositories/{workspace}` beside `/repositories` of the whole world."""
    if draft.item is None or nearest.item is not None or len(nearest.parts.fixed) > 1:
        return False
    return bool(nearest.parts.names) or nearest.parts.fixed == draft.parts.fixed


def keeps_name(first: TableDraft, others: list[TableDraft]) -> bool:
    """Claim that a table is so much nearer to the root that the plain name is its own."""
    if first.kind == "list" and all(draft.kind != "list" for draft in others):
        return True
    if not first.suffix and all(draft.suffix for draft in others):
        return True
    if not first.parts.names and all(draft.parts.names for draft in others):
        return True
    base = first.parts.segments[:-1]
    return all(draft.parts.segments[: len(base)] == base and len(draft.parts.segments) > len(first.parts.segments) for draft in others)


def listed_shapes(tables: list[TableDraft]) -> Callable[[Shape], bool]:
    """Return the claim that an embedded object is a row of some table: by its schema's name or by having all its properties."""
    names = {draft.rows.shape.name for draft in tables if draft.kind == "list" and draft.rows.shape.name}
    signatures = {
        frozenset(draft.rows.shape.properties) for draft in tables if draft.kind == "list" and len(draft.rows.shape.properties) >= 5
    }

    def is_listed(shape: Shape) -> bool:
        return bool(shape.name and shape.name in names) or frozenset(shape.properties) in signatures

    return is_listed


def subject(draft: TableDraft) -> tuple[str, ...]:
    """Return the words of what one row is."""
    return singular_name(draft.chain[0])
