"""What every answer to hostile input is held to: each check returns what it found, nothing is fine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from tests.answers import Answer
from tests.hostile.wire import Sent

# In rows and columns that the user of the tests may not see; no request ever names them.
CANARIES = ("Canary7rows", "Canary7column")
# Headers that repeat the address, and the one with the web server's own name.
QUIET = ("location", "odata-entityid", "server")
# What tells of code, SQL, drivers, folders or addresses. Inputs hold none of these words, so an echo is no leak.
INSIDES = re.compile(
    r"Traceback \(most recent|File \"[^\"]*\.py|\bline \d+, in \w|\b(?:psycopg|pymysql|sqlite3|sqlglot|orjson|granian|corsheaders)\b"
    r"|\bdjango\.|rest_framework|site-packages|\b[A-Z]\w*(?:Error|Exception):|<class '|object at 0x|<function|Decimal\('|datetime\.\w+\("
    r"|SELECT [^']{0,400}?[\"`]\w+\\?[\"`][^']{0,4000}? FROM|(?:INSERT INTO|UPDATE|DELETE FROM|WHERE| AS) \\?[\"`]"
    r"|\bLIMIT \d|\bCAST\(|LINE 1:"
    r"|SQLSTATE|syntax error at or near|near \".*\": syntax error|no such (?:column|table|function)|unrecognized token"
    r"|relation \".*\" does not exist|column .{1,80} does not exist|operator does not exist|invalid input syntax|invalid byte sequence"
    r"|You have an error in your SQL|server version for the right syntax|Unknown column|Illegal mix of collations|\(1\d{3}, "
    r"|password authentication|\bdbname=|\buser=postgres|\bpostgres@|root@|127\.0\.0\.1:\d|port \d{4,5}"
    r"|/tmp/|/usr/lib|/home/|/root/|\.sqlite3\b|\.db\b|apiserver[./]\w+\.py|\$\{?APISERVER_|APISERVER_[A-Z]",
    re.DOTALL,
)


def findings(sent: Sent, answer: Answer, insides: Iterable[str] = ()) -> list[str]:
    """Return what is wrong with an answer; `insides` are words of this run that no answer may hold (folders, tokens)."""
    return [*server_errors(answer), *shapes(sent, answer), *leaks(answer, insides), *foreign_rows(answer)]


def server_errors(answer: Answer) -> Iterator[str]:
    """No silence, nothing from 500 up but "not built"."""
    if answer.status == 0:
        yield "silence: the server hung up without an answer"
    elif answer.status >= 500 and answer.status != 501:
        yield f"5xx: {answer.status}"


def shapes(sent: Sent, answer: Answer) -> Iterator[str]:
    """Every error is OData JSON with code and message; what the web server itself refuses has no body."""
    if answer.status < 400 or sent.method == "HEAD" or (not answer.body and is_of_web_server(answer)):
        return
    try:
        error = json.loads(answer.body)["error"]
        is_good = all(isinstance(error[name], str) and error[name] for name in ("code", "message"))
    except (ValueError, KeyError, TypeError):
        is_good = False
    if not is_good or not answer.headers.get("content-type", "").startswith("application/json"):
        yield "shape: the error is not OData JSON with code and message"


def is_of_web_server(answer: Answer) -> bool:
    """Claim that the refusal came before the product: bytes that are no HTTP."""
    return answer.status in (400, 414, 431) and "x-content-type-options" not in answer.headers


def leaks(answer: Answer, insides: Iterable[str] = ()) -> Iterator[str]:
    """No code, SQL, driver, folder or address in body or headers."""
    text = answer.body.decode(errors="replace")
    told = "\n".join(f"{name}: {value}" for name, value in answer.headers.items() if name not in QUIET)
    for part in (text if answer.status >= 400 else "", told):
        found = INSIDES.search(part)
        if found:
            yield f"leak: {found.group()[:120]!r}"
    for word in insides:
        if word in text or word in told:
            yield f"leak: {word!r}"


def foreign_rows(answer: Answer) -> Iterator[str]:
    """No row and no column that the user may not see."""
    text = answer.body.decode(errors="replace") + "".join(answer.headers.values())
    yield from (f"foreign: {word}" for word in CANARIES if word in text)
