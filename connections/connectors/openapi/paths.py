"""Paths of operations: their fixed parts and parameters, and the words that a table is named by."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connections.connectors.openapi.document import Operation
from connections.connectors.openapi.names import joined, plain, plural_name, singular_name, split_by, vocabulary, words

VERSION = re.compile(r"v?\d+([._-]\d+)*(beta|alpha|preview)?\d*\Z|\d{4}-\d{2}-\d{2}\Z|api|apis|rest|services?\Z", re.IGNORECASE)
EXTENSION = re.compile(r"\.(json|xml|ashx|aspx|php|do|action)\Z", re.IGNORECASE)
NAMES = re.compile(r"\{([^{}/]+)\}")
VERBS = vocabulary("get list find search fetch read query retrieve lookup show browse load select export")
FILLERS = frozenset({"all", "list", "index", "search", "query", "find", "get", "lookup", "filter", "paged", "page"})
# Words that say nothing without what stands before them.
VAGUE = vocabulary(
    "session history configuration item line setting detail status search value entry preview upcoming secret stat statistic summary info "
    "result option action default metadata property attribute lineitem current me self usage content count"
)
GENERIC = frozenset({"id", "key", "slug", "name", "uuid", "guid", "sid", "gid", "code", "number", "identifier", "uid", "pk"})


@dataclass(frozen=True, slots=True)
class Parts:
    """A path taken apart."""

    segments: tuple[str, ...]  # with their braces
    names: tuple[str, ...]  # of the parameters, in order

    @property
    def ends_in_parameter(self) -> bool:
        """Claim that the path addresses one thing by its last part."""
        return bool(self.segments) and "{" in self.segments[-1]

    @property
    def shape(self) -> str:
        """Return the path with its parameters' names and the ending of the format left out: for comparing."""
        return "/".join(NAMES.sub("{}", EXTENSION.sub("", part)) for part in self.segments)

    @property
    def version(self) -> str:
        """Return the part that tells the version, or ''."""
        return next((part for part in self.segments if re.fullmatch(r"v[0-9]+([._-][0-9]+)*", part, re.IGNORECASE)), "")

    @property
    def fixed(self) -> tuple[str, ...]:
        """Return the fixed parts that mean something: neither parameters nor versions."""
        found = tuple(EXTENSION.sub("", part) for part in self.segments if "{" not in EXTENSION.sub("", part))
        return tuple(part for part in found if part and not VERSION.match(part)) or found[-1:]


def parts_of(path: str) -> Parts:
    """Take a path apart."""
    bare = path.split("?")[0].split("#")[0]
    segments = tuple(part for part in bare.split("/") if part)
    return Parts(segments, tuple(dict.fromkeys(match[1] for match in NAMES.finditer(bare))))


def name_chain(operation: Operation, row_name: str, is_listing: bool) -> tuple[tuple[str, ...], ...]:
    """Return the words of a table's name, then those that can be put before it, nearest first."""
    parts = parts_of(operation.path)
    fixed = parts.fixed
    said = f"{operation.summary} {' '.join(operation.tags)}"
    chain: list[tuple[str, ...]] = []
    for part in reversed(fixed):
        own = split_by(part.replace(":", "."), said)
        bare = without_verbs(own)
        if not chain and not bare and is_listing and row_name and len(fixed) == 1:
            bare = plural_name(words(row_name))
        if bare:
            is_weak = not chain and (bare != own or part is not fixed[-1])
            chain.append(plural_name(bare) if is_weak and is_listing else singular_name(bare) if chain else bare)
    if not chain:
        chain.append(plural_name(words(row_name)) or suffix_of(operation) or words(operation.name) or ("rows",))
    if len(chain) == 1 and is_listing:
        chain.append(words(parts.names[-1]) if parts.names else ("all",))
    return tuple(chain)


def suffix_of(operation: Operation) -> tuple[str, ...]:
    """Return the words that tell a listing by search from the plain one: `/charges/search`, `/pets/findByStatus`."""
    fixed = parts_of(operation.path).fixed
    own = words(fixed[-1].replace(":", ".")) if fixed else ()
    if "by" in own:
        return own[own.index("by") :]
    return own[-1:] if own and own[-1] in ("search", "query", "lookup") else ()


def without_verbs(own: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of an address without what says that it is read: `listUsers`, `users.list`, `findByStatus` (which leaves none)."""
    rest = list(own)
    while rest and rest[0] in VERBS:
        rest.pop(0)
    while rest and rest[0] == "all":
        rest.pop(0)
    if "by" in rest[:1]:
        return ()
    while len(rest) > 1 and rest[-1] in FILLERS:
        rest.pop()
    return () if len(rest) == 1 and rest[0] in FILLERS else tuple(rest)


def parameter_columns(parts: Parts) -> dict[str, str]:
    """Return path parameter -> column name; `{id}` behind `users` is UserId."""
    found: dict[str, str] = {}
    before = ""
    for segment in parts.segments:
        names = NAMES.findall(segment)
        if not names:
            before = segment
        for name in names:
            own = words(name) or ("parameter",)
            if plain(name) in GENERIC and before and not VERSION.match(before):
                own = (*singular_name(words(before)), *own)
            candidate = joined(own)
            while candidate in found.values():
                candidate += "2"
            found.setdefault(name, candidate)
    return found


def with_columns(path: str, columns: dict[str, str]) -> str:
    """Return the path with columns' names in its braces."""
    return NAMES.sub(lambda match: "{" + columns.get(match[1], match[1]) + "}", path.split("?")[0].split("#")[0])
