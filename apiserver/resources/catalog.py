"""What one user sees of the published service: frozen values made from the stored resources, cached, read by apiserver.odata."""

from __future__ import annotations

from dataclasses import dataclass, field

from apiserver.resources.replica import Wish
from connections.contract.table import Column, TableRef


@dataclass(frozen=True, slots=True)
class PublishedProperty:
    """A published column. `name` is what clients say, `column` what the source has (`column.name` is the source's spelling)."""

    name: str
    column: Column
    is_key: bool = False
    is_read_only: bool = False
    label: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class PublishedNavigation:
    """A relation to another visible resource of the same connection. `pairs` are (source column here, source column there)."""

    name: str
    target: str  # name of the target resource
    is_collection: bool
    pairs: tuple[tuple[str, str], ...]
    is_nullable: bool = True
    partner: str = ""  # navigation property of the target that points back, "" when none


@dataclass(frozen=True, slots=True)
class RowFilter:
    """An OData filter over source columns or property names (hidden ones included) that every row must meet."""

    text: str


METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})


@dataclass(frozen=True, slots=True)
class PublishedResource:
    """A resource as one user sees it: hidden columns are absent from `properties`, but `table` has them all (for keys,
    relations and row filters)."""

    id: str  # immutable, letters and digits: operationIds come from it
    name: str
    connection_id: int
    connection_name: str
    dialect: str  # postgresql | mysql | sqlite
    ref: TableRef
    all_properties: tuple[PublishedProperty, ...]  # every column, hidden ones too: for row filters only
    properties: tuple[PublishedProperty, ...]  # what this user sees, in order
    key: tuple[str, ...]  # names of visible key properties; () = no usable key: read-only, no single-entity URLs
    navigations: tuple[PublishedNavigation, ...] = ()
    methods: frozenset[str] = frozenset({"GET"})  # what this user may do: GET POST PATCH PUT DELETE
    offered: frozenset[str] = METHODS  # what its source can do, whoever asks; all else is 405
    row_filters: tuple[RowFilter, ...] = ()
    search: tuple[str, ...] = ()  # property names that $search reads; () = every string property
    check_column: str = ""
    etag: str = "row"  # row | none | name of the property that carries the version
    sql: str = ""  # derived view: the SELECT to read instead of `ref`
    max_rows: int = 0  # 0 = no cap
    kept_seconds: int = 0  # for which answers of the source are given again; 0 = served live
    replica: Wish | None = None  # reads are answered from a replica; None = by the source
    version: int = 0
    title: str = ""
    description: str = ""
    by_name: dict[str, PublishedProperty] = field(default_factory=dict, compare=False, repr=False)
    by_column: dict[str, PublishedProperty] = field(default_factory=dict, compare=False, repr=False)
    navigation_by_name: dict[str, PublishedNavigation] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {p.name: p for p in self.properties})
        object.__setattr__(self, "by_column", {p.column.name: p for p in self.properties})
        object.__setattr__(self, "navigation_by_name", {n.name: n for n in self.navigations})

    def having(self, *, navigations: tuple[PublishedNavigation, ...], methods: frozenset[str] | None = None) -> PublishedResource:
        """Return the resource with these relations and methods, itself where it has them: copies of hundreds take a tenth of a second."""
        methods = self.methods if methods is None else methods
        if navigations == self.navigations and methods == self.methods:
            return self
        found = object.__new__(PublishedResource)  # not by replace(): what is said of the properties stays
        for name in PublishedResource.__slots__:
            object.__setattr__(found, name, getattr(self, name))
        object.__setattr__(found, "navigations", navigations)
        object.__setattr__(found, "methods", methods)
        object.__setattr__(found, "navigation_by_name", {item.name: item for item in navigations})
        return found


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything one user may see. `fingerprint` names the rights and the version of all that shapes it: equal fingerprints,
    equal catalogs; it is part of every cache key (plans, $metadata, $oas)."""

    resources: dict[str, PublishedResource]  # in order of name
    fingerprint: str
    title: str = ""
    description: str = ""
    contact: tuple[tuple[str, str], ...] = ()  # (name|url|email, value)
    privacy_policy: str = ""  # its address
    categories: tuple[str, ...] = ()  # of connectors made of the API
    version: str = "1.0"  # of the contract
    page_size: int = 1000
    max_page_size: int = 10000
    put_merges: bool = False
    answers_later: bool = False  # reads may be asked for with Prefer: respond-async
    expand_levels: int = 3  # what $levels=max means, and the most that may be asked
