"""The section `resources` of the configuration file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apiserver.resources import names, snapshot
from apiserver.resources.models import ALL_METHODS, Resource
from apiserver.resources.replica import OTHERWISE, Wish
from apiserver.resources.services import create, schema_there, unpublish, update
from apiserver.resources.serving import MOST_MINUTES, REPLICATED, seconds_of
from apiserver.server.configuration_protocol import Change, ConfigurationError, SecretWriter, check_keys, nearest, reference, typed
from connections.contract.errors import ConnectorError
from connections.contract.table import Table, TableRef
from connections.derived import describe_view
from connections.derived_several import describe_several
from connections.models import Connection
from connections.services import describe
from connections.view_names import names_connection

KEYS = (
    "connection",
    "schema",
    "table",
    "sql",
    "id",
    "title",
    "description",
    "methods",
    "key",
    "columns",
    "search",
    "check_column",
    "serve",
    "replica",
    "etag",
    "relations",
)
REPLICA = ("job", "max_age", "otherwise")
MOST_AGE = 525_600  # minutes: a year
RELATION = ("to", "columns", "collection", "partner")
TEXTS = ("title", "description", "check_column", "serve", "etag")


class ResourcesSection:
    """Published resources as data."""

    def apply(self, data: Any, change: Change, *, prune: bool) -> None:
        """Create and change the named resources; take the others back when pruned."""
        if not isinstance(data, Mapping):
            raise ConfigurationError("resources must be a mapping of names to resources.")
        for name, given in data.items():
            self.one(str(name), given, change)
        for name, given in data.items():  # their targets may stand further down in the file
            if isinstance(given, Mapping) and "relations" in given:
                self.relations(str(name), given["relations"], change)
        for resource in Resource.objects.exclude(name__in=list(data)) if prune else ():
            unpublish(resource)
            change.deleted.append(f"resources/{resource.name}")

    def one(self, name: str, given: Any, change: Change) -> None:
        """Create or change one resource."""
        place = f"resources.{name}"
        values = check_keys(given, KEYS, place)
        if names.identifier(name) != name:
            raise ConfigurationError(f"{place}: the name must be a simple identifier such as {names.identifier(name)}.")
        existing = Resource.objects.filter(name=name).first()
        if existing is None and Resource.objects.filter(name__iexact=name).exists():
            raise ConfigurationError(f"{place}: a resource with this name but for case exists.")
        sql = sql_of(values, existing, place)
        connection = connection_of(values, existing, place)
        if sql and connection is None:
            check_kept(sql, change, place)
        table = view_of(connection, sql, place) if sql else table_of(connection, values, existing, place)
        settings = settings_of(values, table, place)
        if sql and settings.get("serve") == REPLICATED:
            raise ConfigurationError(f"{place}.serve can't be replicated: jobs replicate tables, and this is a derived view.")
        label = f"resources/{name}"
        wanted = public_id(values["id"], existing, place) if values.get("id") else ""
        if existing is None:
            resource = create(name, connection, table, sql=sql, **settings)
            if wanted:
                Resource.objects.filter(pk=resource.pk).update(public_id=wanted)
            change.created.append(label)
        elif update(existing, table=table, connection=connection, sql=sql, **settings):
            change.updated.append(label)

    def relations(self, name: str, given: Any, change: Change) -> None:
        """Set the relations that the file declares."""
        resource = Resource.objects.select_related("connection").get(name=name)
        label = f"resources/{name}"
        if update(resource, relations=relations_of(given, resource, f"resources.{name}.relations")) and label not in change.created:
            change.updated.append(label)

    def export(self, secrets: SecretWriter) -> Any:
        """Return all resources."""
        return {resource.name: exported(resource) for resource in Resource.objects.select_related("connection")}


def public_id(text: Any, existing: Resource | None, place: str) -> str:
    """Return an id of letters and digits that no other resource has; clients know a resource by it, so that it stays."""
    if not isinstance(text, str) or not text.isascii() or not text.isalnum() or not 1 <= len(text) <= 60:
        raise ConfigurationError(f"{place}.id must be letters and digits, at most 60.")
    if text.lower().startswith(names.PART_OF_VERBS):
        raise ConfigurationError(f"{place}.id must not begin with {text[: len(names.PART_OF_VERBS)]}: operations on one row do.")
    if existing is not None and existing.public_id != text:
        raise ConfigurationError(f"{place}.id is {existing.public_id} for good: leave it out, or publish under another name.")
    holder = Resource.objects.filter(public_id__iexact=text).first()
    if holder is not None and holder != existing:
        raise ConfigurationError(f"{place}.id: {holder.name} has it, and ids are told apart by clients.")
    return text


def connection_of(values: Mapping[str, Any], existing: Resource | None, place: str) -> Connection | None:
    """Return the connection that the resource reads; None of a view over several."""
    if not values.get("connection") and values.get("sql"):
        return None
    if "connection" not in values and existing:
        return existing.connection
    by_name = {connection.name: connection for connection in Connection.objects.all()}
    return by_name[reference(str(values.get("connection", "")), by_name, f"{place}.connection")]


def sql_of(values: Mapping[str, Any], existing: Resource | None, place: str) -> str:
    """Return the SELECT of a derived view; "" where a table is published."""
    given = [name for name in ("schema", "table") if values.get(name)]
    if not values.get("sql"):
        typed(values.get("sql") or "", str, f"{place}.sql")
        return existing.sql if existing and not given and "sql" not in values else ""
    if given:
        raise ConfigurationError(f"{place}: sql and {given[0]} exclude each other: name a table, or give the SELECT of a derived view.")
    return str(typed(values["sql"], str, f"{place}.sql"))


def check_kept(sql: str, change: Change, place: str) -> None:
    """Raise for a view that names a connection which the file deletes."""
    gone = [label.partition("/")[2] for label in change.deleted if label.startswith("connections/")]
    lost = [name for name in gone if names_connection(sql, name)]
    if lost:
        raise ConfigurationError(
            f"{place}.sql reads the connection {lost[0]}, which is deleted: name it in the file, or leave the view out."
        )


def view_of(connection: Connection | None, sql: str, place: str) -> Table:
    """Return the derived view as its sources describe it now."""
    try:
        return describe_several(sql) if connection is None else describe_view(connection, sql)
    except ConnectorError as error:
        where = f" (connection {connection.name})" if connection else ""
        raise ConfigurationError(f"{place}.sql: {error.message}{where} {error.hint}") from error


def table_of(connection: Connection | None, values: Mapping[str, Any], existing: Resource | None, place: str) -> Table:
    """Return the table as it is now."""
    if connection is None:
        raise ConfigurationError(f"{place}.connection is missing: name the connection that has the table, or give sql.")
    table = values.get("table") or (existing.table if existing else None)
    if not table:
        raise ConfigurationError(f"{place}.table is missing: name the table to publish.")
    schema = values.get("schema", schema_there(existing, connection) if existing else "")
    if connection.connector == "sqlite" and schema not in (None, "", "main"):
        raise ConfigurationError(f"{place}.schema: SQLite has no schema {schema!r}; leave schema out.")
    try:
        return describe(connection, [TableRef(str(schema or ""), str(table))])[0]
    except ConnectorError as error:
        raise ConfigurationError(f"{place}: {error.message} (connection {connection.name}) {error.hint}") from error


def settings_of(values: Mapping[str, Any], table: Table, place: str) -> dict[str, Any]:
    """Return the checked settings that the file names."""
    found: dict[str, Any] = {name: typed(values[name], str, f"{place}.{name}") for name in TEXTS if name in values}
    if "methods" in values:
        methods = ["PATCH" if item == "MERGE" else item for item in typed(values["methods"], list, f"{place}.methods")]
        for method in methods:
            reference(str(method), ALL_METHODS, f"{place}.methods")
        found["methods"] = [method for method in ALL_METHODS if method in methods]
    for name in ("key", "search"):
        if name in values:
            found[name] = [column(item, table, f"{place}.{name}") for item in typed(values[name], list, f"{place}.{name}")]
    if "columns" in values:
        found["columns"] = columns_of(values["columns"], table, f"{place}.columns")
    if found.get("check_column"):
        column(found["check_column"], table, f"{place}.check_column")
    if found.get("etag") not in (None, "row", "none"):
        column(found["etag"], table, f"{place}.etag")
    if "serve" in found and seconds_of(found["serve"]) is None:
        raise ConfigurationError(
            f"{place}.serve must be live, replicated, cached, or cached and minutes up to {MOST_MINUTES}, such as cached 15."
        )
    if "replica" in values:
        found["replica"] = replica_of(values["replica"], f"{place}.replica")
    return found


def replica_of(data: Any, place: str) -> dict[str, Any]:
    """Return the checked settings of `serve: replicated`."""
    values = check_keys(data or {}, REPLICA, place)
    found: dict[str, Any] = {}
    if "job" in values:
        found["job"] = typed(values["job"], str, f"{place}.job")
    if "max_age" in values:
        minutes = typed(values["max_age"], int, f"{place}.max_age")
        if not 0 <= minutes <= MOST_AGE:
            raise ConfigurationError(f"{place}.max_age must be minutes from 0, which means any age, to {MOST_AGE}.")
        found["max_age"] = minutes
    if "otherwise" in values:
        found["otherwise"] = reference(str(values["otherwise"]), OTHERWISE, f"{place}.otherwise")
    return {name: value for name, value in found.items() if value != getattr(Wish(), name)}


def relations_of(data: Any, resource: Resource, place: str) -> dict[str, Any]:
    """Return the checked relations: name -> target resource of the same connection and the columns that belong together."""
    if not isinstance(data or {}, Mapping):
        raise ConfigurationError(f"{place} must be a mapping of names to relations.")
    if data and resource.connection is None:
        raise ConfigurationError(f"{place}: relations of a view over several connections are not supported by this version.")
    others = {item.name: item for item in Resource.objects.filter(connection=resource.connection_id)}
    found: dict[str, Any] = {}
    for name, given in (data or {}).items():
        at = f"{place}.{name}"
        values = check_keys(given, RELATION, at)
        for word in (name, *([values["partner"]] if values.get("partner") else ())):
            if not isinstance(word, str) or names.identifier(word) != word:
                raise ConfigurationError(f"{at}: {word!r} is no simple identifier.")
        target = others[reference(str(values.get("to", "")), others, f"{at}.to")]
        pairs = typed(values.get("columns"), dict, f"{at}.columns")
        if not pairs:
            raise ConfigurationError(f"{at}.columns: name the column here and the one of {target.name}.")
        here, there = snapshot.from_json(resource.snapshot), snapshot.from_json(target.snapshot)
        columns = {column(own, here, f"{at}.columns"): column(other, there, f"{at}.columns") for own, other in pairs.items()}
        found[name] = {
            "to": target.name,
            "columns": columns,
            "collection": typed(values.get("collection", False), bool, f"{at}.collection"),
        }
        if values.get("partner"):
            found[name]["partner"] = values["partner"]
    return found


def column(name: Any, table: Table, place: str) -> str:
    """Return a column's name; raise with the nearest for one that the table lacks."""
    if not isinstance(name, str) or name not in table.by_name:
        raise ConfigurationError(f"{place}: {table.ref} has no column {name!r}{nearest(str(name), table.by_name)}.")
    return str(name)


def columns_of(data: Any, table: Table, place: str) -> dict[str, Any] | None:
    """Return the published columns: a list of names, or a mapping of name to property name or details."""
    if data is None:
        return None
    if isinstance(data, list):
        return {column(name, table, place): {} for name in data}
    if not isinstance(data, Mapping):
        raise ConfigurationError(f"{place} must be a list of columns or a mapping of column to property.")
    found: dict[str, Any] = {}
    for name, value in data.items():
        column(name, table, place)
        details = {"name": value} if isinstance(value, str) else dict(check_keys(value or {}, DETAILS, f"{place}.{name}"))
        alias = details.get("name")
        if alias is not None and names.identifier(str(alias)) != alias:
            raise ConfigurationError(f"{place}.{name}: {alias!r} is no simple identifier; {names.identifier(str(alias))} is.")
        for detail, worth in details.items():
            if worth is not None:
                typed(worth, bool if detail == "read_only" else str, f"{place}.{name}.{detail}")
        found[name] = details
    aliases = [str(item.get("name") or name).lower() for name, item in found.items()]
    if len(set(aliases)) != len(aliases):
        raise ConfigurationError(f"{place}: two columns have the same property name.")
    return found


DETAILS = ("name", "label", "description", "read_only")


def still_there(resource: Resource) -> dict[str, Any]:
    """Return the settings that name columns, without those that a refresh found gone: the file has to apply again."""
    table = snapshot.from_json(resource.snapshot)
    named = table.by_name
    found: dict[str, Any] = {
        "key": resource.key if all(name in named for name in resource.key) else [],
        "search": [name for name in resource.search if name in named],
        "columns": None if resource.columns is None else {name: said for name, said in resource.columns.items() if name in named},
        "check_column": resource.check_column if resource.check_column in named else "",
        "etag": resource.etag if resource.etag in ("none", *named) else "row",
        "relations": resource.relations,
    }
    if resource.relations:
        others = {item.name: snapshot.from_json(item.snapshot) for item in Resource.objects.filter(connection=resource.connection_id)}
        found["relations"] = {name: said for name, said in resource.relations.items() if is_between(said, table, others.get(said["to"]))}
    return found


def is_between(relation: Mapping[str, Any], here: Table, there: Table | None) -> bool:
    """Claim that both tables still have the columns of a declared relation."""
    columns = relation["columns"]
    return there is not None and set(columns) <= set(here.by_name) and set(columns.values()) <= set(there.by_name)


def exported(resource: Resource) -> dict[str, Any]:
    """Return one resource as data; defaults are left out."""
    found: dict[str, Any] = {"connection": resource.connection.name} if resource.connection else {}
    if resource.schema:
        found["schema"] = resource.schema
    found |= {"sql": resource.sql} if resource.sql else {"table": resource.table}
    if resource.public_id != names.public_id(resource.name, ()):
        found["id"] = resource.public_id
    blank, current = Resource(), still_there(resource)
    for name in (*TEXTS, "methods", "key", "columns", "search", "replica", "relations"):
        value, default = current.get(name, getattr(resource, name)), getattr(blank, name)
        if value != default:
            found[name] = value
    if found.get("columns"):
        found["columns"] = {n: d["name"] if set(d) == {"name"} else d for n, d in found["columns"].items()}
    return found
