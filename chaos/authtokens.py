"""S19: authtokens are random, stored hashed and sealed, dead everywhere within a second, and guessing is slowed down."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections import Counter
from contextlib import closing
from http.client import HTTPConnection
from math import log2
from urllib.parse import urlsplit

from chaos.promises import promise, require
from chaos.site import HEADERS, configuration, database, folder, serving
from tests.served import Served

MADE = 300
GUESSES = 1000
GUESSER = "127.0.0.2"


def entropy(words: list[str]) -> float:
    """Return the bits that the characters of these texts show, for one text."""
    counted = Counter("".join(words))
    total = sum(counted.values())
    return -sum(n / total * log2(n / total) for n in counted.values()) * len(words[0])


def made(served: Served) -> list[str]:
    """Have the server make authtokens."""
    found = []
    for number in range(MADE):
        status, _, body = served.get("/manage/api/users/flow/authtokens/", HEADERS, "POST", {"note": str(number)})
        require(status == 201, body)
        found.append(body.decode().partition('"authtoken":"')[2].partition('"')[0])
    return found


def status_of(served: Served, token: str, source: str = "127.0.0.1") -> int:
    """Return the status that a token gets, from an address of this machine; each time over a new connection, so from any worker."""
    connection = HTTPConnection(urlsplit(served.base).netloc, timeout=30, source_address=(source, 0))
    with closing(connection):
        connection.request("GET", "/api.rsc/items?$top=1", headers={"x-cdata-authtoken": token})
        return connection.getresponse().status


def revoked(served: Served, token: str) -> float:
    """Revoke the token while it is used; return the seconds until its last success."""
    status, _, body = served.get("/manage/api/users/flow/authtokens/", HEADERS)
    require(status == 200, body)
    newest = max(item["id"] for item in json.loads(body)["results"])
    require(all(status_of(served, token) == 200 for _ in range(30)), "the token does not work")
    served.get(f"/manage/api/users/flow/authtokens/{newest}/", HEADERS, "DELETE")
    begun = last = time.monotonic()
    while time.monotonic() - begun < 3:
        if status_of(served, token) == 200:
            last = time.monotonic()
    return last - begun


def guessed(served: Served) -> tuple[int, int]:
    """Guess from one address; return after how many guesses it must wait, and how many of the other address's requests failed."""
    first, failed = 0, 0
    for number in range(GUESSES):
        status = status_of(served, secrets.token_urlsafe(32), GUESSER)
        require(status in (401, 429), f"{status} for a guess")
        first = first or (number if status == 429 else 0)
        if number % 10 == 0:
            failed += status_of(served, HEADERS["x-cdata-authtoken"]) != 200
    return first, failed


@promise("S19")
def authtokens_hold() -> str:
    with folder() as where:
        source = database("sqlite", "authtokens", where)
        source.run("CREATE TABLE items (id integer PRIMARY KEY)")
        file = configuration(source, ("items",), trusted_addresses=["127.0.0.0/8"])
        with serving(file, where, APISERVER_WEB_WORKERS="4") as served:
            tokens = made(served)
            require(len(set(tokens)) == MADE and len(tokens[0]) == 43, f"{len(set(tokens))} different, like {len(tokens[0])} characters")
            bits = entropy(tokens)
            require(bits > 128, f"{bits:.0f} bits")
            with closing(sqlite3.connect(served.data_dir / "apiserver.sqlite3")) as stored:
                text = "\n".join(stored.iterdump())
            require(not any(token in text for token in tokens), "a token stands in the database")
            slowest = revoked(served, tokens[-1])
            require(slowest <= 1, f"a revoked token worked for {slowest:.2f} s")
            first, failed = guessed(served)
    require(200 <= first <= 210 and failed == 0, f"throttled after {first}, {failed} others failed")
    return (
        f"{MADE} authtokens of {bits:.0f} bits, 0 in the database; last success {slowest:.2f} s after revocation on 4 workers; "
        f"{GUESSES} guesses from {GUESSER}: 429 after {first}, 0 requests of 127.0.0.1 failed"
    )
