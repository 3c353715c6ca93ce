"""What people's SQL is bound to, before a dialect is chosen: cells of tables, values, typed expressions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from sqlglot import exp

from connections.contract.connector import Session
from connections.contract.scan import RowSession
from connections.contract.table import Column, Table, Type


class Cell(exp.Expression):
    """A column of a table or, `is_plain`, of a subquery, which read it already."""

    arg_types = {"table": True, "name": True, "column": True, "is_plain": False}


class Given(exp.Expression):
    """A value of the statement by its number."""

    arg_types = {"number": True}


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant that waits for the type of what it stands beside; `text` is as it was written."""

    value: Any
    type: Type
    text: str


@dataclass(frozen=True, slots=True)
class Typed:
    """An expression and what is known of it. `type` None is null; `literal` is not bound yet."""

    tree: exp.Expression
    type: Type | None
    node: exp.Expression  # as written, for errors
    is_nullable: bool = True
    column: Column | None = None
    literal: Literal | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """One bound value: the contract's, and the column as whose it is sent."""

    value: Any
    column: Column


@dataclass(frozen=True, slots=True)
class Found:
    """A table that SQL names: of which connection, and how it is read."""

    connection: str  # its name
    session: Session | RowSession
    table: Table


class Names(Protocol):
    """What SQL may name. Lookups ignore case."""

    def find(self, parts: Sequence[str]) -> Found | None:
        """Return the table of (connection, schema, table), (schema, table) or (table); raise SourceRejected for an ambiguous name."""

    def known(self, parts: Sequence[str]) -> list[str]:
        """Return names that could have been meant."""


@dataclass(frozen=True, slots=True)
class Output:
    """A column of a query: `name` as people see it; inside SQL it is c1, c2, ..."""

    name: str
    column: Column


@dataclass(frozen=True, slots=True)
class Relation:
    """A bound query."""

    tree: exp.Expression
    outputs: tuple[Output, ...]


@dataclass(slots=True)
class Source:
    """What stands in FROM: its names, and its cells by name."""

    path: tuple[str, ...]  # connection, schema, table, as far as they go; or just the alias
    cells: dict[str, Typed]
    costly: frozenset[str] = frozenset()
    shared: set[str] = field(default_factory=set)  # columns of USING that another source shows

    def become_nullable(self) -> None:
        """Take it that any row may lack its values: of an outer join, or of a grouping without the column."""
        self.cells = {
            name: replace(cell, is_nullable=True, column=replace(cell.column or Column(""), is_nullable=True))
            for name, cell in self.cells.items()
        }

    def answers(self, qualifiers: tuple[str, ...]) -> bool:
        """Claim that qualifiers before a column mean this source."""
        wanted = tuple(item.lower() for item in qualifiers)
        return not wanted or tuple(item.lower() for item in self.path)[-len(wanted) :] == wanted


@dataclass(slots=True)
class Scope:
    """Sources in sight of an expression; `outer` is that of the query around."""

    sources: list[Source] = field(default_factory=list)
    outer: Scope | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """A statement bound to tables: one tree for whichever dialect will run it."""

    tree: exp.Expression
    outputs: tuple[Output, ...]
    slots: tuple[Slot, ...]
    tables: dict[str, Found]  # alias -> table
    notes: tuple[str, ...] = ()
    places: tuple[tuple[int, int, Found], ...] = ()  # from where to where in the text a table is named
