"""Create, change and remove rows: everything of one request in one transaction of the source (OData Protocol 4.01, 11.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from apiserver.odata import deadline
from apiserver.odata.drift import not_unique
from apiserver.odata.errors import BadPayload, Forbidden, InvalidValue, NotBuilt, NotFound
from apiserver.odata.writer_body import Change, change_of
from apiserver.odata.writer_sql import Condition, Row, TableSql, by_column, key_columns
from apiserver.resources.catalog import Catalog, PublishedNavigation, PublishedProperty, PublishedResource
from connections.contract.connector import Transaction
from connections.contract.dialect import Dialect

# Databases that move their counter past a key that a client chose; elsewhere a generated key is not the client's to choose.
COUNTER_FOLLOWS = frozenset({"sqlite", "mysql"})
MAX_NESTED_ROWS = 1000


@dataclass(slots=True)
class Writer:
    """Writes rows for one request, inside one transaction."""

    catalog: Catalog
    dialect: Dialect
    transaction: Transaction
    condition_of: Callable[[PublishedResource], Condition | None]  # the user's row filter as SQL
    find: Callable[[str], tuple[PublishedResource, Mapping[str, Any]]]  # entity id -> resource and key
    statements: list[str] = field(default_factory=list)  # for the log
    rows_written: int = 0

    # ---- reading inside the transaction ----

    def fetch(self, resource: PublishedResource, where: Row, *, lock: bool = False) -> Row | None:
        """Return the row that the user may see, or None."""
        table = TableSql(resource, self.dialect)
        sql, binds = table.select(where, lock=lock, condition=self.condition_of(resource))
        found = table.rows(self._run(sql, binds).rows)
        if len(found) > 1:
            raise not_unique(resource)
        return found[0] if found else None

    def require(self, resource: PublishedResource, key: Mapping[str, Any], *, lock: bool = False) -> Row:
        """Return the row of a key; raise NotFound."""
        row = self.fetch(resource, by_column(resource, key), lock=lock)
        if row is None:
            raise no_row(resource)
        return row

    def hides(self, resource: PublishedResource, where: Row) -> bool:
        """Claim that a row of this key exists outside of what the user may see."""
        if self.condition_of(resource) is None or not self._run(*TableSql(resource, self.dialect).select(where)).rows:
            return False
        return self.fetch(resource, where) is None

    # ---- create ----

    def create(self, resource: PublishedResource, change: Change, *, fixed: Row | None = None) -> Row:
        """Insert the row with its links and nested entities; return it as the source has it now."""
        may(resource, "POST")
        values = self._insert_values(resource, change)
        values.update(fixed or {})
        self._link_parents(resource, change, values)
        check_required(resource, values)
        row = self._insert(resource, values)
        self._add_children(resource, change, row)
        return row

    def _insert_values(self, resource: PublishedResource, change: Change) -> Row:
        found: Row = {}
        for name, value in change.values.items():
            item = resource.by_name[name]
            if is_writable(resource, item, on_insert=True) and not (item.column.is_generated and value is None):
                found[item.column.name] = value
        return found

    def _insert(self, resource: PublishedResource, values: Row) -> Row:
        table, keys = TableSql(resource, self.dialect), key_columns(resource)
        where = {name: values[name] for name in keys if name in values}
        is_given = len(where) == len(keys)
        if is_given and self.hides(resource, where):  # "exists already" would tell
            raise outside(resource)
        sql, binds = table.insert(values, returning=keys)
        written = self._run(sql, binds)
        self.rows_written += 1
        if not is_given:
            where = table.decoded(keys, written.rows[0]) if written.rows else _last_key(resource, keys, values, written.last_id)
        row = self.fetch(resource, where)
        if row is None:
            raise outside(resource)
        return row

    # ---- change ----

    def change(self, resource: PublishedResource, row: Row, change: Change, *, replaces: bool) -> Row:
        """Update the row; `replaces` sets what is not mentioned to its default or null. Keys stay (Protocol 4.01, 11.4.3)."""
        if change.nested:
            raise NotBuilt("Nested entities in an update are not served.", hint="Change them one by one, or link them with @odata.bind.")
        values: Row = {}
        for name, value in change.values.items():
            item = resource.by_name[name]
            if is_writable(resource, item, on_insert=False):
                values[item.column.name] = value
        self._link_parents(resource, change, values)
        expressions = self._replaced(resource, values) if replaces else {}
        changed = self.update(resource, row, values, expressions)
        self._add_children(resource, change, changed)
        return changed

    def update(self, resource: PublishedResource, row: Row, values: Row, expressions: Mapping[str, str] | None = None) -> Row:
        """Set columns of the row in hand and return it; raise Forbidden when it would leave what the user may see."""
        where = {name: row[name] for name in key_columns(resource)}
        if values or expressions:
            sql, binds = TableSql(resource, self.dialect).update(values, expressions or {}, where)
            if self._run(sql, binds).row_count > 1:
                raise not_unique(resource)
            self.rows_written += 1
        changed = self.fetch(resource, where)
        if changed is None:
            raise outside(resource)
        return changed

    def _replaced(self, resource: PublishedResource, values: Row) -> dict[str, str]:
        found: dict[str, str] = {}
        for item in resource.properties:
            column = item.column
            if column.name in values or not is_writable(resource, item, on_insert=False):
                continue
            if column.has_default:
                found[column.name] = self._default(resource, column.name)
            elif column.is_nullable:
                values[column.name] = None
            else:
                raise InvalidValue(
                    f"{item.name} is required.", target=item.name, hint="PUT replaces the whole row; use PATCH to change part."
                )
        return found

    def _default(self, resource: PublishedResource, name: str) -> str:
        """Return SQL for the column's default. SQLite's UPDATE knows no DEFAULT, but its schema holds the expression."""
        if self.dialect.name != "sqlite":
            return "DEFAULT"
        found = self._run("SELECT dflt_value FROM pragma_table_info(?) WHERE name = ?", [resource.ref.name, name]).rows
        return f"({found[0][0]})" if found and found[0][0] is not None else "NULL"

    # ---- remove ----

    def remove(self, resource: PublishedResource, row: Row) -> None:
        """Delete the row in hand."""
        where = {name: row[name] for name in key_columns(resource)}
        sql, binds = TableSql(resource, self.dialect).delete(where)
        count = self._run(sql, binds).row_count
        if count > 1:
            raise not_unique(resource)
        if count == 0:
            raise no_row(resource)
        self.rows_written += 1

    # ---- relations ----

    def _link_parents(self, resource: PublishedResource, change: Change, values: Row) -> None:
        """Set the foreign keys that live in this row: bound entities, and nested ones, which are created first."""
        for name, entity in change.links.items():
            navigation = resource.navigation_by_name[name]
            if not navigation.is_collection and holds_key(self.catalog, navigation):
                values.update(self.foreign_key(navigation, resource, entity))
        for name, body in change.nested.items():
            navigation = resource.navigation_by_name[name]
            if navigation.is_collection or not holds_key(self.catalog, navigation) or body is None:
                continue
            target = self.catalog.resources[navigation.target]
            parent = self.create(target, change_of(target, _object(name, body)))
            values.update({here: parent[there] for here, there in navigation.pairs})

    def _add_children(self, resource: PublishedResource, change: Change, row: Row) -> None:
        """Create the nested entities, and link the bound ones, whose foreign key points to this row."""
        for name, body in change.nested.items():
            navigation = resource.navigation_by_name[name]
            if not navigation.is_collection and holds_key(self.catalog, navigation):
                continue
            target = self.catalog.resources[navigation.target]
            for item in _objects(name, body, navigation):
                self._bound_rows()
                self.create(target, change_of(target, item), fixed=child_key(navigation, row))
        for name, entities in change.links.items():
            navigation = resource.navigation_by_name[name]
            if navigation.is_collection or not holds_key(self.catalog, navigation):
                for entity in entities if isinstance(entities, list) else [entities] if entities else []:
                    self.adopt(navigation, row, entity)

    def _bound_rows(self) -> None:
        if self.rows_written > MAX_NESTED_ROWS:
            raise BadPayload(f"The body nests more than {MAX_NESTED_ROWS} entities.", hint="Send fewer at a time.")

    def foreign_key(self, navigation: PublishedNavigation, resource: PublishedResource, entity: str | None) -> Row:
        """Return the foreign key columns of `resource` that point to the entity, or nulls."""
        if entity is None:
            return dict.fromkeys(unlinked(self.catalog, resource, navigation))
        parent = self._linked(navigation, entity)
        return {here: parent[there] for here, there in navigation.pairs}

    def point(self, resource: PublishedResource, navigation: PublishedNavigation, row: Row, entity: str | None) -> None:
        """Point the row to the entity, or to nothing; the foreign key may be on either side."""
        if holds_key(self.catalog, navigation):
            self.update(resource, row, self.foreign_key(navigation, resource, entity))
            return
        child = self.fetch(self.catalog.resources[navigation.target], child_key(navigation, row))
        if child is not None:
            self.release(navigation, row, {})
        if entity is not None:
            self.adopt(navigation, row, entity)

    def adopt(self, navigation: PublishedNavigation, row: Row, entity: str) -> None:
        """Point the foreign key of the entity to this row."""
        target = self.catalog.resources[navigation.target]
        may(target, "PATCH")
        self.update(target, self._linked(navigation, entity), child_key(navigation, row))

    def release(self, navigation: PublishedNavigation, row: Row, where: Row) -> None:
        """Set the foreign key of a child of this row to null."""
        target = self.catalog.resources[navigation.target]
        may(target, "PATCH")
        child = self.fetch(target, where | child_key(navigation, row), lock=True)
        if child is None:
            raise no_row(target)
        columns = [there for _, there in navigation.pairs]
        refuse_required(target, columns)
        self.update(target, child, dict.fromkeys(columns))

    def _linked(self, navigation: PublishedNavigation, entity: str) -> Row:
        found, key = self.find(entity)
        if found.name != navigation.target:
            raise BadPayload(f"{navigation.name} takes entities of {navigation.target}.", target=navigation.name, hint="Name one of these.")
        row = self.fetch(found, by_column(found, key))
        if row is None:
            raise BadPayload(f"{entity[:80]} does not exist.", target=navigation.name, hint="Link an entity that exists.")
        return row

    def _run(self, sql: str, binds: list[Any]) -> Any:
        deadline.check()
        self.statements.append(sql)
        return self.transaction.execute(sql, binds)


def may(resource: PublishedResource, method: str) -> None:
    """Refuse what this user may not do with this resource."""
    if method not in resource.offered:
        raise BadPayload(f"The source of {resource.name} takes no {method}.", target=resource.name, hint="Leave its rows out.")
    if method not in resource.methods:
        raise Forbidden(f"You may not {method} {resource.name}.", target=resource.name, hint="Ask the administrator for the right.")


def no_row(resource: PublishedResource) -> NotFound:
    """Return the error of a key without a row, or with one that the user may not see."""
    return NotFound(f"{resource.name} has no row with this key.", target=resource.name, hint="Look it up with $filter.")


class Outside(Forbidden):
    """The user would not be allowed to see the row that was to be written."""


def outside(resource: PublishedResource) -> Outside:
    """Return the error of a write whose row the user would not be allowed to see."""
    return Outside(f"The row would be outside of what you may see of {resource.name}.", target=resource.name, hint="Change its values.")


def is_writable(resource: PublishedResource, item: PublishedProperty, *, on_insert: bool) -> bool:
    """Claim that a client's value is taken; others are ignored as Core.Computed asks."""
    if item.is_read_only:
        return False
    if item.is_key:
        return on_insert and (not item.column.is_generated or resource.dialect in COUNTER_FOLLOWS)
    return not item.column.is_generated


def check_required(resource: PublishedResource, values: Row) -> None:
    """Refuse an insert that leaves out what the table demands."""
    for item in resource.properties:
        column = item.column
        missing = column.name not in values and not column.is_nullable and not column.is_generated and not column.has_default
        if missing and not item.is_read_only:
            raise InvalidValue(f"{item.name} is required.", target=item.name, hint="Give it a value.")


def holds_key(catalog: Catalog, navigation: PublishedNavigation) -> bool:
    """Claim that the foreign key of a navigation is on this side: it points to the whole key of the target."""
    if navigation.is_collection:
        return False
    target = catalog.resources[navigation.target]
    return {there for _, there in navigation.pairs} == set(key_columns(target))


def child_key(navigation: PublishedNavigation, row: Row) -> Row:
    """Return the foreign key values of a child of this row."""
    return {there: row[here] for here, there in navigation.pairs}


def unlinked(catalog: Catalog, resource: PublishedResource, navigation: PublishedNavigation) -> list[str]:
    """Return the columns to clear so that the row points to nothing."""
    columns = [here for here, _ in navigation.pairs]
    refuse_required(resource, columns)
    return columns


def refuse_required(resource: PublishedResource, columns: list[str]) -> None:
    """Refuse to clear a foreign key that the table demands."""
    for item in resource.all_properties:
        if item.column.name in columns and not item.column.is_nullable:
            raise InvalidValue(
                f"The relation is required: {item.name} can't be null.", target=item.name, hint="Link another entity instead."
            )


def _last_key(resource: PublishedResource, keys: tuple[str, ...], values: Row, last_id: int | None) -> Row:
    where = {name: values[name] for name in keys if name in values}
    missing = [name for name in keys if name not in values]
    if len(missing) != 1 or last_id is None:
        raise InvalidValue(f"The key of {resource.name} must be given.", target=resource.name, hint=f"Send {', '.join(resource.key)}.")
    return where | {missing[0]: last_id}


def _object(name: str, body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise BadPayload(f"{name} takes one object.", target=name, hint="Send an object in braces, or link with @odata.bind.")
    return body


def _objects(name: str, body: Any, navigation: PublishedNavigation) -> list[dict[str, Any]]:
    if not navigation.is_collection:
        return [] if body is None else [_object(name, body)]
    if not isinstance(body, list):
        raise BadPayload(f"{name} takes a list of objects.", target=name, hint="Send a list in brackets.")
    return [_object(name, item) for item in body]
