"""Words of paths, parameters and properties: split, compared, made singular or plural, and joined into names."""

from __future__ import annotations

import functools
import re


def vocabulary(text: str) -> frozenset[str]:
    """Return the words of a list written as one line of text."""
    return frozenset(text.split())


WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+")
MOST_LETTERS = 100
UPPER = frozenset({"uuid"})
KEEP = vocabulary(
    "status address bus class news series species analysis basis access business process progress success canvas alias gas lens campus "
    "virus bonus corpus census focus axis https dns aws sms gps kms iis css js os ios"
)
BOTH = frozenset({"series", "species", "news", "metadata", "info"})  # one or many
ODD = {
    "people": "person",
    "ips": "ip",
    "vms": "vm",
    "children": "child",
    "men": "man",
    "women": "woman",
    "indices": "index",
    "matrices": "matrix",
    "data": "data",
}
ODD |= {"media": "media", "criteria": "criterion", "movies": "movie", "cookies": "cookie", "aliases": "alias", "statuses": "status"}
ODD |= {"addresses": "address", "caches": "cache", "axes": "axis", "analyses": "analysis", "leaves": "leave", "purchases": "purchase"}
ODD |= {"databases": "database", "releases": "release", "cases": "case", "leases": "lease", "bases": "base", "phases": "phase"}
ODD |= {"licenses": "license", "responses": "response", "courses": "course", "houses": "house", "warehouses": "warehouse"}
ODD |= {"expenses": "expense", "invoices": "invoice", "causes": "cause", "uses": "use", "clauses": "clause", "buses": "bus"}
PLURAL_OF = {one: many for many, one in ODD.items()}


@functools.lru_cache(maxsize=50_000)
def words(text: str) -> tuple[str, ...]:
    """Return the lower-case words of a name: `fullName`, `full_name`, `full-name` all give (full, name)."""
    return tuple(word.lower() for word in WORD.findall(text[:MOST_LETTERS]))


def plain(text: str) -> str:
    """Return the name without case and marks, for comparing."""
    return "".join(words(text))


def pascal(text: str) -> str:
    """Return the name in the spelling of columns and tables: `created_on` -> CreatedOn, `uuid` -> UUID."""
    return joined(words(text))


def joined(parts: tuple[str, ...] | list[str]) -> str:
    """Return words as one name; one that begins with a digit gets an underscore before it."""
    name = "".join(word.upper() if word in UPPER else word[:1].upper() + word[1:] for word in parts)
    return f"_{name}" if name[:1].isdigit() else name


@functools.lru_cache(maxsize=20_000)
def singular(word: str) -> str:
    """Return the singular of an English word, or the word."""
    if word in ODD:
        return ODD[word]
    if word in KEEP or len(word) < 4 or word.endswith("ss"):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("us", "is")) else word


@functools.lru_cache(maxsize=20_000)
def plural(word: str) -> str:
    """Return the plural of an English word, or the word where it is one."""
    if word in PLURAL_OF:
        return PLURAL_OF[word]
    if word in BOTH or (len(word) > 6 and word.endswith("ed") and not word.endswith("eed")):
        return word
    if singular(word) != word or word in ODD:
        return word
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    return word + "s"


def is_plural(word: str) -> bool:
    """Claim that the word is a plural."""
    return singular(word) != word


def singular_name(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words with the last one made singular."""
    return (*parts[:-1], singular(parts[-1])) if parts else parts


def plural_name(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words with the last one made plural."""
    return (*parts[:-1], plural(parts[-1])) if parts else parts


def split_by(text: str, said: str) -> tuple[str, ...]:
    """Return the words of a joined name as a sentence spells them: `pullrequests` in "List pull requests" -> (pull, requests)."""
    own = words(text)
    if len(own) != 1 or len(own[0]) < 6:
        return own
    spoken = words_of_sentence(said)
    for start in range(len(spoken)):
        for end in range(start + 2, min(start + 4, len(spoken)) + 1):
            run = spoken[start:end]
            if singular("".join(run)) == singular(own[0]) and all(len(word) > 1 for word in run):
                rest = own[0][len("".join(run[:-1])) :]
                return (*run[:-1], rest)
    return own


@functools.lru_cache(maxsize=5_000)
def words_of_sentence(said: str) -> tuple[str, ...]:
    """Return the first words of a sentence."""
    return tuple(word.lower() for word in WORD.findall(said[:400].replace("'s ", " ")))[:60]
