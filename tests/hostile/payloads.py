"""Hostile texts, made from fragments: curated, wrapped in a marker, and put together at random from a fixed seed."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from urllib.parse import quote

MARK = "zq7inject"
# APISERVER_TEST_HOSTILE=10 makes ten times as many random inputs.
TIMES = int(os.environ.get("APISERVER_TEST_HOSTILE", "1"))
SEED = 20261121

SQL = (
    "' OR '1'='1",
    "' OR 1=1 --",
    "'; DROP TABLE traps; --",
    '" OR 1=1 --',
    "\\' OR 1=1 --",
    "') UNION SELECT secret FROM traps --",
    "' UNION ALL SELECT NULL,NULL,NULL --",
    "'||(SELECT secret FROM traps)||'",
    "'+(SELECT 1)+'",
    "' AND SLEEP(5) AND '1'='1",
    "';SELECT pg_sleep(5);--",
    "' AND 1=(SELECT COUNT(*) FROM sqlite_master) --",
    "'/**/OR/**/1=1#",
    "\u02bc OR 1=1 --",
    "\uff07 OR 1=1 --",
    "' OR id IS NOT NULL OR 'x'='",
    "'\n;\nDELETE FROM traps\n;--",
    "`; DROP TABLE traps; #",
    "$$; DROP TABLE traps; $$",
    "E'\\x27 OR 1=1",
    "0x27 OR 1=1",
    "'; COPY traps TO PROGRAM 'id'; --",
    "' INTO OUTFILE 'x' --",
    "'; ATTACH DATABASE 'x' AS y; --",
    "1; EXEC xp_cmdshell('x')",
    "%s %(x)s :x $1 ? {0} {x} #{x} %d %n",
)
ODATA = (
    "' eq '",
    "') or (1 eq 1",
    "' or name ne '",
    "true or true",
    "null",
    "$it",
    "@p",
    "/name",
    ")/$value",
    "%27 or 1 eq 1",
    "''''",
    "'' ''",
)
SCRIPT = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "javascript:alert(1)",
    "{{7*7}}{% raw %}${7*7}<%= 7 %>",
    "</script><svg onload=alert(1)>",
    "]]><!--",
)
FORMULA = ("=1+1", "=HYPERLINK(A1)", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0")
PATHS = ("../../etc/passwd", "..\\..\\x", "%2e%2e%2f", "//x", "/../$metadata", "a/b", "a?b", "a#b", "a;b", "a&b=c", "C:\\x", "\\\\x\\y")
WILD = ("%", "_", "%%", "__", "\\", "\\\\", "\\%", "\\_", "[a-z]", "[%]", "a%b_c", "^", ".*", "*", "?", "!", "|", "%\\", "_%")
UNICODE = (
    "葵",
    "😀",
    "👩\u200d👩\u200d👧",
    "é",
    "e\u0301",
    "ß",
    "ẞ",
    "İ",
    "ı",
    "ﬁ",
    "Σς",
    "\u202eabc",
    "\u200b",
    "\ufeffa",
    "\u2028",
    "\u0085",
    "\u00a0",
    "\ufffd",
    "\U0010ffff",
    "\ue000" + "0" + "\ue001",
    "שלום",
    "ｆｕｌｌ",
    "①",
    "가",
    "가",
)
CONTROL = (
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\x01",
    "\x08",
    "\x0b",
    "\x0c",
    "\x1a",
    "\x1b[31m",
    "\x1f",
    "\x7f",
    " ",
    "  a  ",
    "a ",
    " a",
    "a\n",
    "\ta",
)
WORDS = ("", "0", "-0", "1e999", "NaN", "INF", "true", "NULL", "undefined", "None", "2026-02-30", "9" * 40, "x" * 255, "x" * 256, "''" * 50)
CURATED = (*SQL, *ODATA, *SCRIPT, *FORMULA, *PATHS, *WILD, *UNICODE, *CONTROL, *WORDS)
# No database stores these as text: each place must refuse them.
UNSTORABLE = ("\0", "a\0b", "\ud800", "\udfff", "a\udc00b", "\ud83d", "\0" * 20)


def marked() -> list[str]:
    """Return the attacks with the marker before and behind what could end a literal."""
    return [f"{MARK}{text}{MARK}" for text in (*SQL, *ODATA, *WILD, "'", '"', "`", "\\", "\\'", "''", "--", "/*", "\n", ";", "%", "\x1a")]


def texts(count: int) -> list[str]:
    """Return so many different texts that a text column can hold, the curated ones first."""
    found = dict.fromkeys([*CURATED, *marked()])
    dice = random.Random(SEED)
    while len(found) < count:
        found.setdefault("".join(dice.choices(CURATED, k=dice.randint(2, 5)))[:400])
    return list(found)[:count]


def encoded(text: str) -> str:
    """Return a text percent-encoded; half a surrogate pair as the bytes that it would have."""
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def literal(text: str) -> str:
    """Return a text as a string literal of OData, percent-encoded."""
    return encoded("'" + text.replace("'", "''") + "'")


def mutated(seeds: Iterable[str], count: int, pieces: Iterable[str]) -> list[str]:
    """Return so many broken forms of good texts: characters dropped, doubled, swapped, pieces put in."""
    dice, listed, bits = random.Random(SEED), list(seeds), list(pieces)
    found: dict[str, None] = {}
    while len(found) < count:
        text = dice.choice(listed)
        for _ in range(dice.randint(1, 3)):
            at = dice.randrange(len(text) + 1)
            cut = dice.choice((0, 0, 1, 2, 8))
            text = text[:at] + dice.choice((dice.choice(bits), text[at : at + 3] * 2, "")) + text[at + cut :]
        found.setdefault(text)
    return list(found)
