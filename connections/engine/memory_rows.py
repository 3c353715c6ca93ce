"""Tables that are made here as a source that gives rows: what is asked of a column narrows what is made, the engine does the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from connections.contract.errors import NotSupported, TableGone
from connections.contract.scan import Batch, Compare, Grade, Offer, Scan
from connections.contract.table import Table, TableInfo, TableRef

PAGE = 1000
Wanted = Mapping[str, frozenset[Any]]  # column -> the values that are of use; a column that is not named: all
Make = Callable[[Wanted], Iterable[Sequence[Any]]]


@dataclass(frozen=True, slots=True)
class Made:
    """One table and what makes its rows; rows that `Wanted` leaves out may come all the same."""

    table: Table
    make: Make


class MemoryRows:
    """A RowSession over made tables; nothing is written."""

    dialect: None = None

    def __init__(self, tables: Sequence[Made]) -> None:
        self._tables = {item.table.ref: item for item in tables}

    def list_tables(self) -> list[TableInfo]:
        """Return the tables."""
        return [TableInfo(item.table.ref, item.table.kind, item.table.comment) for item in self._tables.values()]

    def describe(self, refs: Sequence[TableRef]) -> list[Table]:
        """Return the tables."""
        missing = next((ref for ref in refs if ref not in self._tables), None)
        if missing is not None:
            raise TableGone(f"There is no table {missing}.")
        return [self._tables[ref].table for ref in refs]

    def offer(self, scan: Scan) -> Offer:
        """Take equalities as hints; everything is evaluated again."""
        grades = tuple(Grade.SUPERSET if is_equality(item) else Grade.NO for item in scan.where)
        return Offer(scan, grades, calls=0, explain=(f"{scan.table.ref} is made here",))

    def read(self, offer: Offer, *, resume: str | None = None) -> Iterator[Batch]:
        """Give the rows in batches; `resume` is the number of rows that were given."""
        scan = offer.scan
        names = [column.name for column in scan.table.columns]
        pick = [names.index(name) for name in scan.columns]
        wanted: dict[str, frozenset[Any]] = {}
        for item in scan.where:
            if isinstance(item, Compare) and is_equality(item):
                wanted[item.column] = frozenset(item.value if item.operator == "in" else (item.value,))
        batch: list[tuple[Any, ...]] = []
        for number, row in enumerate(self._tables[scan.table.ref].make(wanted)):
            if number < int(resume or 0):
                continue
            batch.append(tuple(row[place] for place in pick))
            if len(batch) == PAGE:
                yield Batch(batch, str(number + 1))
                batch = []
        yield Batch(batch)

    def count(self, offer: Offer) -> int:
        """Return the number of rows."""
        return sum(len(batch.rows) for batch in self.read(offer))

    def close(self) -> None:
        """Hold nothing."""

    def insert(self, table: Table, values: Mapping[str, Any], *, idempotency: str) -> NoReturn:
        """Refuse: it is only read."""
        refuse()

    def update(self, table: Table, key: Mapping[str, Any], values: Mapping[str, Any], *, idempotency: str) -> NoReturn:
        """Refuse: it is only read."""
        refuse()

    def delete(self, table: Table, key: Mapping[str, Any], *, idempotency: str) -> NoReturn:
        """Refuse: it is only read."""
        refuse()


def is_equality(item: object) -> bool:
    """Claim that the predicate names the values of a column."""
    return isinstance(item, Compare) and item.operator in ("eq", "in")


def refuse() -> NoReturn:
    """Refuse what tables made here don't do."""
    raise NotSupported("These tables can only be read.")
