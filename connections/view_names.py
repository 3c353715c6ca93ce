"""Which connections the SELECT of a view over several names, told from its text and the tables last listed: no source is asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlglot import exp

from connections.contract.table import TableRef
from connections.engine.sql_reader import SqlProblem, parse
from connections.engine.sys_tables import PREFIX
from connections.models import Connection
from connections.sql_names import StoredNames


class ListedNames(StoredNames):
    """Names of the tables as they were listed last."""

    def __init__(self) -> None:
        super().__init__(now=datetime.min.replace(tzinfo=UTC))

    def refs(self, connection: Connection, *, is_meant: bool = False) -> list[TableRef]:
        """Return the tables without asking the source."""
        return [TableRef(schema, name) for schema, name, *_rest in connection.tables]

    def meant(self, parts: tuple[str, ...]) -> set[int]:
        """Return the ids of the connections that a table's name names or is found in."""
        named = {item.pk for item in self.connections if len(parts) > 1 and item.name.lower() == parts[0].lower()}
        if named or parts[-1].lower().startswith(PREFIX):
            return named
        return {connection.pk for connection, _ref in self.chosen(parts)}


def connections_read(sql: str, names: ListedNames) -> set[int]:
    """Return the ids of the connections that a SELECT reads; none of one that can't be read itself."""
    try:
        tree = parse(sql).tree
    except SqlProblem:
        return set()
    return {pk for table in tables_in(tree) for pk in names.meant(words(table))}


def tables_in(tree: exp.Expression) -> Iterator[exp.Table]:
    """Give the tables of sources: not what WITH names, which stands for itself everywhere but, save RECURSIVE, in its own query."""
    queries = list(tree.find_all(exp.CTE))
    for table in tree.find_all(exp.Table):
        path = words(table)
        own = [cte for cte in queries if len(path) == 1 and cte.alias.lower() == path[0].lower()]
        if path and not any(table.find_ancestor(exp.CTE) is not cte or is_recursive(cte) for cte in own):
            yield table


def is_recursive(cte: exp.CTE) -> bool:
    """Claim that a query of WITH may read itself."""
    return cte.parent is not None and bool(cte.parent.args.get("recursive"))


def words(node: exp.Expression) -> tuple[str, ...]:
    """Return the parts of a name."""
    return tuple(str(part.name) for part in node.parts)  # type: ignore[attr-defined]


def names_connection(sql: str, name: str) -> bool:
    """Claim that a SELECT writes a connection's name before one of its tables."""
    try:
        paths = [words(table) for table in tables_in(parse(sql).tree)]
    except SqlProblem:  # the view is refused for that
        return False
    return any(len(path) > 1 and path[0].lower() == name.lower() for path in paths)


def renamed_in(sql: str, before: str, after: str) -> str:
    """Return the SQL with a connection under its new name, in tables and in columns that are written with it."""
    tree = parse(sql).tree
    named = [table for table in tables_in(tree) if len(words(table)) > 1]
    named += [column for column in tree.find_all(exp.Column) if len(words(column)) > 2]  # type: ignore[misc]
    firsts = [node.parts[0] for node in named if words(node)[0].lower() == before.lower()]
    places = {(int(first.meta["start"]), int(first.meta["end"]) + 1) for first in firsts}
    for start, end in sorted(places, reverse=True):
        sql = f"{sql[:start]}[{after}]{sql[end:]}"
    return sql
