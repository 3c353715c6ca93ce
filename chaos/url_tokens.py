"""S7: an authtoken in the address is off by default, and spreads nowhere: not into logs, files or errors, refused or not."""

from __future__ import annotations

import http.client
import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from chaos.promises import promise, require
from chaos.site import TOKEN, configuration, database, folder, serving
from tests.served import Served, manage

FORMS = (
    "/api.rsc/@{}/items",
    "/api.rsc/%40{}/items",
    "/api.rsc/%2540{}/items",
    "/api.rsc//@{}/items",
    "/api.rsc/@{}",
    "/api.rsc/@{}/$oas",
    "/api.rsc/@{}/$metadata",
    "/api.rsc/@{}/nothing?$filter=(",
    "/api.rsc/@{}/items?$filter=id eq 'x'",
    "/api.rsc/@{}/$batch",
    "/api.rsc/items?@authtoken={}",
    "/api.rsc/items?%40authtoken={}",
    "/api.rsc/items?@AuthToken={}",
    "/api.rsc/items?$top=1&%40AUTHTOKEN={}&x=1",
    "/api.rsc/items?@authtoken={}&@authtoken={}",
    "/api.rsc/items?%2540authtoken={}",
    "/api.rsc/items/@{}",
    "/api.rsc/items(1)/@{}/name",
    "/@{}/items",
    "/console/@{}/",
    "/console/sign-in?next=/api.rsc/@{}/items",
    "/manage/api/users/?@authtoken={}",
    "/manage/api/@{}/users/",
)
METHODS = ("GET", "POST", "PATCH", "DELETE", "OPTIONS", "HEAD")


def asked(served: Served, token: str) -> Iterator[tuple[str, str, int, dict[str, str], str]]:
    """Send the token in every form and method; give method, address, status, headers and body."""
    for form in FORMS:
        path = form.replace("{}", token).replace(" ", "%20")
        for method in METHODS:
            connection = http.client.HTTPConnection(urlsplit(served.base).netloc, timeout=30)
            connection.request(method, path, b"{" if method in ("POST", "PATCH") else None, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            yield method, path, answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
            connection.close()


def spread(path: str, status: int, headers: dict[str, str], body: str, token: str) -> str:
    """Return where an answer repeats a token that it should not; links may carry it where the path did."""
    if token in body and (status >= 400 or f"@{token}" not in path.replace("%2540", "@").replace("%40", "@")):
        return f"{status} of {path.replace(token, 'TOKEN')} repeats the token"
    if path.startswith("/api.rsc") and (headers.get("referrer-policy"), headers.get("cache-control")) != ("no-referrer", "no-store"):
        return f"{status} of {path.replace(token, 'TOKEN')} lacks Referrer-Policy or Cache-Control"
    return ""


def holding(where: Path, words: list[str]) -> tuple[list[str], int, int]:
    """Return the files that hold one of the words, how many files there are, and their bytes."""
    found, files, size = [], 0, 0
    for file in (item for item in where.rglob("*") if item.is_file()):
        content = file.read_bytes()
        files, size = files + 1, size + len(content)
        found += [file.name for word in words if word.encode() in content]
    return found, files, size


@promise("S7")
def tokens_in_addresses_spread_nowhere() -> str:
    with folder() as where:
        source = database("sqlite", "url_tokens", where)
        source.run("CREATE TABLE items (id integer PRIMARY KEY, name varchar(9))")
        file = configuration(source, ("items",))
        with serving(file, where) as served:
            tokens = [TOKEN, *(f"wrong-{secrets.token_urlsafe(24)}" for _ in range(3))]
            off = [answer for token in tokens for answer in examined(served, token)]
            counted = [path for path, status in off if status < 300 and not path.startswith("OPTIONS") and "/console/" not in path]
            require(not counted, f"while off the token counted in {counted}")
            switch = where / "on.json"
            switch.write_text(json.dumps({"server": {"allow_authtoken_in_url": True}}), encoding="utf-8")
            manage(served.data_dir, "apply", str(switch))
            time.sleep(1.5)  # every worker has seen it, and the log is written twice a second
            on = [answer for token in tokens for answer in examined(served, token)]
            require(sum(status == 200 for _, status in on) > 5, "no token counted while on")
            time.sleep(1.5)
        (served.data_dir / "server.json").unlink()  # what we gave to apply
        found, files, size = holding(served.data_dir, tokens)
    require(not found, f"tokens stand in {sorted(set(found))}")
    return (
        f"{len(tokens)} tokens in {len(off) + len(on):,} requests ({len(FORMS)} forms x {len(METHODS)} methods, off and on): "
        f"0 in {files} files ({size:,} bytes), 0 repeated in errors"
    )


def examined(served: Served, token: str) -> list[tuple[str, int]]:
    """Return addresses, masked, and statuses of requests that carry the token; raise Broken when an answer spreads it."""
    found = []
    for method, path, status, headers, body in asked(served, token):
        wrong = spread(path, status, headers, body, token)
        require(not wrong, wrong)
        found.append((f"{method} {path.replace(token, 'TOKEN')}", status))
    return found
