"""Hostile addresses, by family: every query option, key and path, each a list of requests at one database's tables."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from apiserver.odata.functions import ARITY
from tests.hostile import stage
from tests.hostile.payloads import CURATED, TIMES, UNSTORABLE, encoded, literal, marked, mutated
from tests.hostile.wire import Sent

ROOT = "/api.rsc"
OPTIONS = (
    "filter", "select", "orderby", "top", "skip", "skiptoken", "count", "search", "expand", "compute", "format", "levels", "apply",
    "deltatoken", "index", "schemaversion", "id", "batch", "callback", "nonsense",
)  # fmt: skip
NUMBERS = (
    "-1", "0", "1e3", "1.5", "+1", "0x10", "1_000", "٣", "９", "²", "9" * 19, "9" * 20, "9" * 5000, str(2**31), str(2**63), str(2**64),
    "-" + "9" * 400, "NaN", "INF", "null", "true", "", " ", "1 1", "1;2", "1'", "@p", "$it", "1e999999999", "-0", "00", "1%00",
)  # fmt: skip
LITERALS = (
    "null", "true", "'true'", "0", "-1", "1.5", "1e5", "1e999", "9" * 40, "9" * 41, "9" * 5000, str(2**31), str(-(2**31) - 1), str(2**63),
    str(2**64), "NaN", "INF", "-INF", "''", "'x'", "'1'", "'1.5'", "'NaN'", "2024-02-29", "2023-02-29", "0000-01-01", "9999-12-31",
    "10000-01-01", "-0001-01-01", "12:00:00", "24:00:00", "23:59:60", "12:00:00.1234567890123", "2024-02-29T12:00:00Z",
    "2024-02-29T12:00:00%2B99:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00%2B14:00", "duration'P1D'", "duration'P99999999999D'",
    "duration'PT'", "01234567-89ab-4def-8123-456789abcdef", "binary'AA=='", "binary'%%%'", "binary'A'", "geography'POINT(0 0)'",
    "Edm.String", "[1,2]", '{"a":1}', "$it", "$root", "(1,2)", "0.1e-400", "1/0", "--1", "- 1",
)  # fmt: skip
OPERATORS = ("eq", "ne", "lt", "in", "add", "div", "mod", "has", "and")
PATHS = (
    "/", "//", "/.", "/..", "/../", "/%2e%2e/", "/%2E%2E%2F%2E%2E%2Fetc/passwd", "/..;/", "/;x=1", "/$metadata/x", "/$metadata/$count",
    "/$oas/..", "/$batch", "/$all", "/$entity", "/$entity?$id=x", "/$crossjoin(a,b)", "/$nonsense", "/@", "/@/", "/%40", "/%2540",
    "/@x/$metadata", "/%00", "/%0d%0aX:1", "/%ff", "/%c0%ae%c0%ae/", "/%u0041", "/%", "/%2", "/%zz", "/{r}%00", "/{r}%20", "/%20{r}",
    "/{r}.json", "/{r}.", "/{R}", "/{r}/{r}", "/{r}()", "/{r}(())", "/{r}(", "/{r})", "/{r}(1", "/{r}(1))", "/{r}(1)(1)",
    "/{r}(1)(1)(1)(1)", "/{r}(1,2)", "/{r}(id=1,id=1)", "/{r}(ID=1)", "/{r}(secret='x')", "/{r}(name='Aoi')", "/{r}(id=1,name='x')",
    "/{r}(@p)", "/{r}(@p)?@p=@p", "/{r}(@p)?@p=@q&@q=@p", "/{r}(@p)?@p=1%20add%201", "/{r}(null)", "/{r}(1)/secret",
    "/{r}(1)/secret/$value", "/{r}(100)", "/{r}(100)/name", "/{r}(100)/name/$value", "/{r}(100)/{p}", "/{r}(1)/{p}(100)",
    "/{r}(1)/{p}(101)", "/{r}(1)/{p}(101)/label", "/{p}(2)/trap/secret", "/{p}(100)/trap", "/{p}(101)", "/{r}(1)/$value", "/{r}/$value",
    "/{r}/$count/$count", "/{r}/$ref", "/{r}(1)/$ref", "/{r}(1)/{p}/$ref", "/{r}(1)/{p}/$count/x", "/{r}/$filter(true)",
    "/{r}/$filter(@p)?@p=true", "/{r}/$filter(secret%20eq%20'x')", "/{r}/$each", "/{r}/$query", "/{r}/API.{r}", "/{r}/API.nothing",
    "/{r}/Edm.String", "/{r}/$count($filter=true)", "/{r}/$count($search=x)", "/{r}(1)/name/$count", "/{r}(1)/name/name",
    "/{r}(1)/name/$value/$value", "/{r}(1)/data/$value", "/{r}(1)/{p}/$links/trap", "/$links/{r}", "/{r}/1/{p}/1/trap/{p}/1/trap/{p}",
    "/{r}(1)/parts", "/sqlite_master", "/pg_catalog.pg_user", "/information_schema.tables", "/auth_user", "/users_user",
    "/users_authtoken", "/.git/config", "/.env", "/console/", "/manage/api/",
)  # fmt: skip
EXPRESSIONS = (
    "name eq 'Aoi' and id lt 3", "contains(name,'o') or not startswith(country,'J')", "(amount add 1) div 2 gt 3.5", "id in (1,2,3)",
    "{p}/any(x:x/label eq 'one')", "{p}/all(x:x/id gt 0 and x/trap_id eq id)", "{p}/$count gt 0",
    "year(born) eq 2024 and date(seen) ge 2024-02-29", "seen lt now()", "cast(id,Edm.String) eq '1'", "isof(name,Edm.String)",
    "length(trim(concat(name,'x'))) mod 2 eq 0", "round(ratio) eq 0.0", "flag eq true or flag eq null", "code eq " + stage.GUID,
    "case(id eq 1:'a',true:'b') eq 'a'", "matchesPattern(name,'^A.*i$')", "indexof(name,'o') ge 1", "substring(name,1,2) eq 'oi'",
    "$it/id eq 1", "name eq @p", "hassubset([1,2],[1])", "geo.distance(name,name) lt 1", "totalseconds(duration'P1D') gt 0",
    "data eq binary'AP8='", "wakes gt 12:00:00",
)  # fmt: skip
# {0} is the text as a literal, {1} as it is.
TESTS = (
    "name eq {0}", "contains(name,{0})", "startswith(name,{0})", "id eq {0}", "name in ({0},'b')", "seen lt {0}",
    "concat(name,{0}) ne {0}", "{{p}}/any(x:x/label eq {0})", "{1} eq 'x'", "name eq {1}", "indexof(name,{0}) gt 0", "{1}",
)  # fmt: skip
PIECES = (
    "'", '"', "(", ")", ",", "/", ":", ";", "@", "$", "=", "%", "+", " ", "\t", "null", "not ", "-", "--", "\x01", "葵", "any(", "$it/",
    "eq", "in", "[", "]", "{", "}", "\\", "9" * 30, "''", "@p", "$root/", "secret", "and",
)  # fmt: skip


def target(kind: str, text: str) -> str:
    """Return a path with the resources of one database in it."""
    named = text.replace("{r}", f"traps_{kind}").replace("{R}", f"TRAPS_{kind.upper()}").replace("{p}", f"parts_{kind}")
    return f"{ROOT}{named}"


def asked(kind: str, text: str, about: str) -> Sent:
    """Return a GET; what is not ASCII goes as raw UTF-8."""
    return Sent(target(kind, text).encode("utf-8", "surrogatepass"), about=about)


def positions(text: str) -> Iterator[str]:
    """Give the addresses that hold a text, as literal and raw, in each position."""
    quoted, raw = literal(text), encoded(text)
    phrase = encoded('"' + text.replace('"', "") + '"')
    for test in TESTS:
        yield "/{r}?$filter=" + test.replace(" ", "%20").format(quoted, raw)
    yield f"/{{r}}?$filter=name%20eq%20@p&@p={quoted}"
    yield f"/{{r}}?@{raw}={quoted}"
    for option in OPTIONS[1:]:
        yield f"/{{r}}?${option}={raw}"
    yield f"/{{r}}?$search={phrase}"
    yield f"/{{r}}?search={phrase}%20OR%20NOT%20{phrase}"
    yield f"/{{r}}?$orderby=concat(name,{quoted})%20desc"
    yield f"/{{r}}?$compute=concat(name,{quoted})%20as%20X&$select=X&$filter=X%20ne%20{quoted}"
    yield f"/{{r}}?$compute=1%20as%20{raw}"
    for inner in (
        "$filter=label%20eq%20" + quoted,
        f"$search={phrase}",
        f"$orderby={raw}",
        f"$select={raw}",
        f"$levels={raw}",
        f"$top={raw}",
    ):
        yield f"/{{r}}?$expand={{p}}({inner})"
    yield f"/{{r}}/$count?$filter=name%20ne%20{quoted}"
    yield f"/{{r}}/$count($filter=name%20ne%20{quoted})"
    yield f"/{{r}}?{raw}={raw}"
    yield from (
        f"/{{r}}({raw})",
        f"/{{r}}({quoted})",
        f"/{{r}}(id={quoted})",
        f"/{{r}}(name={quoted})",
        f"/{raw}",
        f"/{{r}}/{raw}",
        f"/{{r}}(1)/{raw}",
    )
    yield from (f"/{{r}}(1)/{{p}}({quoted})", f"/{{r}}({raw})/{{p}}", f"/$entity?$id={{r}}({quoted})")


def attacks(kind: str) -> list[Sent]:
    """Return the marked attacks in every position."""
    return [asked(kind, address, f"{text!r} at {address[:40]}") for text in marked() for address in positions(text)]


def odd_texts(kind: str) -> list[Sent]:
    """Return texts of every odd kind, the unstorable ones too, in a few positions each, all in turn."""
    found = []
    for number, text in enumerate([*CURATED, *UNSTORABLE]):
        addresses = list(positions(text))
        found += [
            asked(kind, address, repr(text)) for address in (addresses[(number * 5 + step) % len(addresses)] for step in range(5 * TIMES))
        ]
    return found


def scalars(kind: str) -> list[Sent]:
    """Return numbers that are none, or too large, for each option, at a collection and at one row."""
    found = [asked(kind, f"/{{r}}?${option}={value}", f"${option}") for option in OPTIONS for value in NUMBERS]
    found += [asked(kind, f"/{{r}}({value})?${option}={value}", f"key {value[:20]}") for value in NUMBERS for option in ("select", "top")]
    found += [
        asked(kind, f"/{{r}}?$expand={{p}}(${option}={value})", f"nested ${option}") for option in OPTIONS[:12] for value in NUMBERS[::4]
    ]
    return found


def mistyped(kind: str) -> list[Sent]:
    """Return each column beside literals of every type, in and out of range."""
    pairs = itertools.product(stage.COLUMNS, LITERALS)
    found = []
    for number, (column, value) in enumerate(pairs):
        operator = OPERATORS[number % len(OPERATORS)] if number % 2 else "eq"
        test = f"{column} {operator} {f'({value},{value})' if operator == 'in' else value}" + (
            " gt 0" if operator in ("add", "div", "mod") else ""
        )
        found.append(asked(kind, f"/{{r}}?$filter={test.replace(' ', '%20')}", test))
    return found


def calls(kind: str) -> list[Sent]:
    """Return each function with arguments of every type, too few and too many."""
    arguments = (
        *stage.COLUMNS,
        "secret",
        "null",
        "''",
        "'('",
        "'%'",
        "-1",
        "9999999999",
        "1.5",
        "true",
        "2024-02-29",
        "{p}",
        "{p}/id",
        "@p",
        "NaN",
    )
    found = []
    for number, name in enumerate(ARITY):
        for step, first in enumerate(arguments):
            given = [first, arguments[(number + step * 7) % len(arguments)], arguments[(number * 3 + step) % len(arguments)]]
            test = f"{name}({','.join(given[: (number + step) % 4])}) eq {arguments[(number + step) % len(arguments)]}"
            found.append(asked(kind, f"/{{r}}?$filter={test.replace(' ', '%20')}", test))
    return found


def broken(kind: str) -> list[Sent]:
    """Return good options that were cut, doubled and mixed up."""
    seeds = {
        "filter": EXPRESSIONS,
        "orderby": ("name desc,id asc", "length(name) desc", "{p}/$count desc"),
        "select": ("id,name", "*", "{p}/label"),
        "expand": (
            "{p}",
            "{p}($filter=id gt 0;$orderby=id desc;$top=1;$select=id)",
            "{p}($expand=trap($levels=2))",
            "*",
            "{p}/$ref",
            "{p}/$count",
        ),
        "compute": ("amount mul 2 as Twice", "concat(name,'x') as A,length(name) as B"),
        "search": ('a AND b OR NOT (c "d e")',),
        "apply": ("groupby((country),aggregate(amount with sum as T))/filter(T gt 1)", "concat(top(1),skip(1))", "compute(id add 1 as X)"),
        "format": ("application/json;odata.metadata=full;IEEE754Compatible=true",),
    }
    found = []
    for option, good in seeds.items():
        for text in mutated([target(kind, item).removeprefix(ROOT) for item in good], (70 if option == "filter" else 12) * TIMES, PIECES):
            found.append(asked(kind, f"/{{r}}?${option}={encoded(text)}", f"${option}={text}"))
    return found


def paths(kind: str) -> list[Sent]:
    """Return odd paths, and good ones that were cut and mixed up."""
    good = ("{r}(1)/{p}(1)/trap/name/$value", "{r}(id=1)/{p}/$count", "{r}/$count($filter=true)", "{r}(1)/{p}/$ref")
    found = [asked(kind, path, path) for path in PATHS]
    found += [asked(kind, f"/{encoded_path(path)}", path) for path in mutated(good, 80 * TIMES, PIECES)]
    return [*found, *oversized(kind)]


def encoded_path(path: str) -> str:
    """Percent-encode what no address may hold raw; the names in braces stay."""
    return "".join(
        character if character.isascii() and character.isprintable() and character not in " %?#" else encoded(character)
        for character in path
    )


def oversized(kind: str) -> list[Sent]:
    """Return addresses that are deep, long or many-fold."""
    found = {
        "deep parentheses": "?$filter=" + "(" * 3000 + "true" + ")" * 3000,
        "deep not": "?$filter=" + "not%20" * 2000 + "true",
        "deep calls": "?$filter=" + "trim(" * 2000 + "name" + ")" * 2000 + "%20eq%20''",
        "deep minus": "?$filter=id%20eq%20" + "-" * 5000 + "1",
        "deep any": "?$filter=" + "".join(f"{{p}}/any(x{n}:" for n in range(100)) + "true" + ")" * 100,
        "deep expand": "?$expand=" + "{p}($expand=trap($expand=" * 60 + "{p}" + "))" * 60,
        "levels": "?$expand={p}($levels=999999)",
        "deep JSON": "?$filter=id%20in%20" + "[" * 3000 + "]" * 3000,
        "deep search": "?$search=" + "(" * 3000 + "a" + ")" * 3000,
        "deep apply": "?$apply=" + "concat(" * 1000 + "top(1)" + ",top(1))" * 1000,
        "deep path": "(1)" + "/{p}(1)/trap" * 500,
        "many tests": "?$filter=" + "%20or%20".join(["id%20eq%201"] * 600),
        "many values": "?$filter=id%20in%20(" + ",".join(["1"] * 5000) + ")",
        "many orders": "?$orderby=" + ",".join(["id"] * 3000),
        "many columns": "?$select=" + ",".join(["id"] * 3000),
        "many computed": "?$compute=" + ",".join(f"id%20as%20a{n}" for n in range(900)),
        "many aliases": "?$filter=id%20eq%20@p0&" + "&".join(f"@p{n}=@p{n + 1}" for n in range(1000)),
        "many options": "?" + "&".join(["$top=1"] * 2000),
        "many empty": "?" + "&" * 10000,
        "long literal": "?$filter=name%20eq%20'" + "x" * 15000 + "'",
        "beyond the bound": "?$filter=name%20eq%20'" + "x" * 20000 + "'",
        "long name": "?$filter=" + "x" * 10000 + "%20eq%201",
        "pattern": "?$filter=matchesPattern(name,'" + "(a*)*" * 50 + "$')",
        "long pattern": "?$filter=contains(name,'" + "%25_" * 3000 + "')",
        "digits": "?$filter=id%20eq%20" + "1" * 5000,
        "exponent": "?$filter=ratio%20eq%201e" + "9" * 5000,
    }
    return [asked(kind, "/{r}" + text, about) for about, text in found.items()]


ADDRESSES: dict[str, Callable[[str], list[Sent]]] = {
    "attacks": attacks,
    "odd texts": odd_texts,
    "scalars": scalars,
    "mistyped": mistyped,
    "calls": calls,
    "broken": broken,
    "paths": paths,
}
