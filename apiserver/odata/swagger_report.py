"""What of one user's $oas fits one connector, told before a maker finds out: its size, what is left out, addresses of parts that fit.

On a page of the console, and at `$parts` to the user.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urlsplit

from apiserver.odata.documents import ByFingerprint
from apiserver.odata.selection import CONNECTION, RESOURCES, narrowed
from apiserver.odata.swagger import Address, fitted
from apiserver.odata.swagger_limits import ALL, GROUPS, KINDS, LIST, MOST_BYTES, MOST_IN_SOLUTION, MOST_OPERATIONS, OPERATIONS, counts
from apiserver.resources.catalog import Catalog

MOST_PARTS = 50
# Names of sets of kinds that makers ask for, the widest first.
CHOICES: tuple[tuple[str, frozenset[str]], ...] = (
    ("read,write", GROUPS["read"] | GROUPS["write"]),
    ("read", GROUPS["read"]),
    ("list", frozenset({LIST})),
    ("triggers", GROUPS["triggers"]),
)


@dataclass(frozen=True, slots=True)
class Measure:
    """One document: its query, its resources, operations and bytes; the kinds and how many resources are left out of it."""

    query: str
    resources: int
    operations: int
    size: int
    left_out: tuple[str, ...] = ()
    untold: int = 0

    def address(self, root: str) -> str:
        """Return where the document is, below a service root."""
        return f"{root}/$oas?{self.query}" if self.query else f"{root}/$oas"

    @property
    def published(self) -> int:
        """Return how many resources there are to tell."""
        return self.resources + self.untold

    @property
    def is_whole(self) -> bool:
        """Claim that a connector holds all that was asked for."""
        return not self.left_out and not self.untold and self.operations <= MOST_OPERATIONS and self.size < MOST_BYTES

    @property
    def is_for_solutions(self) -> bool:
        """Claim that a solution holds it too."""
        return self.is_whole and self.size < MOST_IN_SOLUTION

    @property
    def kilobytes(self) -> int:
        """Return the size in thousands of bytes, rounded up."""
        return -(-self.size // 1000)


@dataclass(frozen=True, slots=True)
class Report:
    """The document without a choice, with each choice of kinds, and parts that together tell all but `untold` resources."""

    whole: Measure
    choices: tuple[Measure, ...]
    parts: tuple[Measure, ...]
    untold: int = 0


def report(catalog: Catalog, address: Address) -> Report:
    """Return what one connector holds of a catalog and how to ask for the rest."""
    whole = measured(catalog, address, "")
    if whole.is_for_solutions:
        return Report(whole, (), ())
    choices = tuple(measured(catalog, address, f"{OPERATIONS}={name}", kinds) for name, kinds in CHOICES)
    found: list[Measure] = []
    for part in parts(catalog, address):
        found.append(part)
        if len(found) == MOST_PARTS:
            break
    return Report(whole, choices, tuple(found), len(catalog.resources) - sum(part.resources for part in found))


@lru_cache(maxsize=16)
def reported(key: ByFingerprint, root: str) -> Report:
    """Return the report of a catalog at an absolute service root, remembered until anything changes."""
    parts = urlsplit(root)
    return report(key.catalog, Address(parts.scheme, parts.netloc, parts.path))


def measured(catalog: Catalog, address: Address, query: str, kinds: frozenset[str] = ALL) -> Measure:
    """Return the measure of one document."""
    made = fitted(catalog, address, kinds)
    left_out = tuple(kind for kind in KINDS if kind in made.plan.left_out)
    untold = len(made.plan.untold)
    return Measure(query, len(catalog.resources) - untold, made.plan.operations, len(made.body), left_out, untold)


def parts(catalog: Catalog, address: Address) -> Iterator[Measure]:
    """Give documents that fit and hold all together: a connection's tables whole where they fit, else some of them at a time."""
    numbers = {resource.name: sum(sum(counts([resource], kind)) for kind in KINDS) for resource in catalog.resources.values()}
    by_connection: dict[str, list[str]] = {}
    for name, resource in catalog.resources.items():
        by_connection.setdefault(resource.connection_name, []).append(name)
    for connection, names in sorted(by_connection.items()):
        if connection and len(by_connection) > 1 and sum(numbers[name] for name in names) <= MOST_OPERATIONS:
            found = measured(narrowed(catalog, names), address, f"{CONNECTION}={quote(connection)}")
            if found.is_for_solutions:
                yield found
                continue
        for group in groups(names, numbers):
            yield from fitting_parts(catalog, address, group)


def groups(names: Iterable[str], numbers: dict[str, int]) -> Iterator[list[str]]:
    """Give the names in groups of as many operations as a connector holds."""
    found: list[str] = []
    total = 0
    for name in names:
        if found and total + numbers[name] > MOST_OPERATIONS:
            yield found
            found, total = [], 0
        found.append(name)
        total += numbers[name]
    if found:
        yield found


def fitting_parts(catalog: Catalog, address: Address, names: Sequence[str]) -> Iterator[Measure]:
    """Give the document of some resources, of halves of them where it is too large."""
    found = measured(narrowed(catalog, names), address, f"{RESOURCES}={quote(','.join(names), safe=',')}")
    if found.is_for_solutions or len(names) == 1:
        yield found
        return
    middle = len(names) // 2
    yield from fitting_parts(catalog, address, names[:middle])
    yield from fitting_parts(catalog, address, names[middle:])
