"""The key of a table: the column that the address of one row names, else the column that is called like a key."""

from __future__ import annotations

from dataclasses import dataclass, replace

from connections.connectors.openapi.columns import ColumnDraft
from connections.connectors.openapi.document import Parameter
from connections.connectors.openapi.names import plain, singular, words

# Names that are a key wherever they stand, and those that are one only where the address of one row says so.
KEY_WORDS = ("id", "uuid", "guid", "sid", "gid", "uid", "oid", "pk", "hash", "sha", "arn", "identifier")
RECORD_WORDS = ("entityid", "recordid")  # where rows have an address of their own, what they call themselves
ADDRESS_WORDS = (*KEY_WORDS, "key", "slug", "code", "number", "name", "handle", "login", "username", "email")
KEY_TYPES = frozenset({"string", "int64", "int32", "guid", "decimal", "date", "timestamp"})


@dataclass(frozen=True, slots=True)
class Key:
    """The column that tells one row from the others below the same parents."""

    column: str
    confidence: str  # sure | likely; a guess is told, never used: a wrong key loses rows
    reason: str
    is_address: bool = False  # the address of one row takes its value


def find_key(address: Parameter | None, columns: list[ColumnDraft], table: tuple[str, ...]) -> Key | None:
    """Return the key; `address` is the last parameter of the address of one row."""
    if address is None:
        return key_by_name(columns, table)
    found = key_of_parameter(address.name, columns, table)
    if found is not None:
        return found
    found = key_by_name(columns, table, (*KEY_WORDS, *RECORD_WORDS))
    if found is None:
        return None
    rest = without_subject(words(address.name), table)
    own = words(found.column)[-1:]
    # `{customer}` is the id of a customer; `{repo_slug}` is no uuid unless its description says that it takes one.
    takes = not rest or rest[-1:] == own or rest[-1] in ("id", "identifier") or own[0] in plain(address.description)
    return replace(found, is_address=takes)


def without_subject(own: tuple[str, ...], table: tuple[str, ...]) -> tuple[str, ...]:
    """Return a parameter's words without those that say of what it is the key."""
    subject = (*table[:-1], singular(table[-1])) if table else ()
    for start in range(len(subject)):
        if plain("_".join(own)).startswith("".join(subject[start:])):
            return words("_".join(own).replace("_", "")[len("".join(subject[start:])) :])
    return own


def key_of_parameter(name: str, columns: list[ColumnDraft], table: tuple[str, ...]) -> Key | None:
    """Return the column that a path parameter names: `{issue_id}` is `id` of issues, `{slug}` is `slug`."""
    top = top_level(columns)
    own = words(name)
    if "or" in own[1:-1]:
        # `{id_or_slug}` takes either; the id is the one that each row has.
        either = next((top[word] for word in KEY_WORDS if word in own and word in top and top[word].type in KEY_TYPES), None)
        if either is not None:
            return Key(either.name, "sure", f"{{{name}}} in the address of one row", True)
    rest = without_subject(own, table)
    if not own or not rest:
        return None
    if plain(name) in top and "".join(rest) in KEY_WORDS and "".join(rest) in top and plain(name) != "".join(rest):
        # Rows with both `id` and `channelId`: the second may be of a row that they belong to, so neither is sent as the address.
        itself = top["".join(rest)]
        if itself.type in KEY_TYPES:
            return Key(itself.name, "likely", f"{{{name}}} may be {itself.name} or {top[plain(name)].name}")
    subject = plain(singular(table[-1])) if table else ""
    endings = ["".join(own[start:]) for start in range(1, len(own)) if own[start] in ADDRESS_WORDS]
    for word in (plain(name), "".join(rest), *endings, f"{subject}{plain(name)}"):
        found = top.get(word)
        if found is not None and found.type in KEY_TYPES:
            return Key(
                found.name, "sure" if words(found.name)[-1] in ADDRESS_WORDS else "likely", f"{{{name}}} in the address of one row", True
            )
    return None


def key_by_name(columns: list[ColumnDraft], table: tuple[str, ...], known: tuple[str, ...] = KEY_WORDS) -> Key | None:
    """Return the column that is called like a key: id, uuid, <table>_id."""
    top = top_level(columns)
    whole = plain("".join((*table[:-1], singular(table[-1])))) if table else ""
    last = singular(table[-1]) if table else ""
    for word in known:
        for candidate in dict.fromkeys((word, f"{whole}{word}", f"{last}{word}")):
            found = top.get(candidate)
            if found is not None and found.type in KEY_TYPES:
                sure = word in ("id", "uuid", "guid") and candidate == word
                return Key(found.name, "sure" if sure else "likely", f"{found.name} is called like a key")
    return None


def guesses(columns: list[ColumnDraft]) -> list[str]:
    """Return columns that may be the key, for the person who corrects."""
    top = [item for item in top_level(columns).values() if item.type in KEY_TYPES]
    return [item.name for item in top if words(item.name)[-1:] and words(item.name)[-1] in ADDRESS_WORDS][:5]


def top_level(columns: list[ColumnDraft]) -> dict[str, ColumnDraft]:
    """Return the columns of the row itself, by plain name; attributes of JSON:API count as its own."""
    found: dict[str, ColumnDraft] = {}
    for item in sorted((item for item in columns if item.path), key=lambda item: len(item.path)):
        if len(item.path) == 1 or plain(item.name) == plain(item.path[-1]):
            found.setdefault(plain(item.name), item)
        elif plain(item.path[0]) in ("metadata", "meta", "sys") and len(item.path) == 2:
            found.setdefault(plain(item.path[-1]), item)
    return found
