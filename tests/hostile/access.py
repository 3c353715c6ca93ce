"""Who comes in: bad credentials at every address and method, forged addresses, hostile origins. Each check returns what passed."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from tests.hostile.payloads import encoded
from tests.hostile.sending import Transport
from tests.hostile.wire import Sent

USER, TOKEN, REVOKED = "lead", "Access-Token-of-lead-0123456789", "revoked-token-of-lead-0123456789"
ORIGIN = "https://app.example.com"
ENDPOINTS = (
    "/api.rsc", "/api.rsc/", "/api.rsc/$metadata", "/api.rsc/$oas", "/api.rsc/$openapi", "/api.rsc/$batch", "/api.rsc/items",
    "/api.rsc/items(1)", "/api.rsc/items(1)/name", "/api.rsc/items/$count", "/api.rsc/nothing", "/api.rsc/items?$filter=((",
    "/api.rsc/$metadata/x", "/api.rsc//", "/manage/api", "/manage/api/", "/manage/api/users/", "/manage/api/oauth_clients/",
    "/manage/api/nothing/",
    "/manage/api/schema/", "/manage/api/docs/", "/api.rsc/$poll/items/created", "/api.rsc/$async/x",
    "/api.rsc/$dynamic/tables", "/api.rsc/datasets/x/tables",
)  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "MERGE", "FOO")
LOOKALIKES = str.maketrans({"A": "А", "c": "с", "e": "е", "o": "о", "-": "‐", "0": "０"})


@dataclass(frozen=True)
class Bad:
    """Credentials that are none: headers, a segment before the path's rest, a piece of the query."""

    about: str
    headers: tuple[tuple[str, str], ...] = ()
    segment: str = ""
    query: str = ""

    def at(self, endpoint: str, method: str) -> Sent:
        """Return a request with them."""
        path, _, query = endpoint.partition("?")
        if self.segment and path.startswith("/api.rsc"):
            path = f"/api.rsc/{self.segment}{path.removeprefix('/api.rsc')}"
        whole = "&".join(part for part in (query, self.query) if part)
        return Sent(
            f"{path}?{whole}".rstrip("?").encode(), method, self.headers, b"{}" if method in ("POST", "PUT", "PATCH") else None, self.about
        )


def basic(text: str | bytes) -> str:
    """Return a Basic credential."""
    return "Basic " + base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def wrong_tokens() -> dict[str, str]:
    """Return what looks like the token and is not."""
    return {
        "empty": "",
        "blank": " ",
        "truncated": TOKEN[:-1],
        "longer": TOKEN + "x",
        "upper": TOKEN.upper(),
        "lower": TOKEN.lower(),
        "reversed": TOKEN[::-1],
        "quoted": f'"{TOKEN}"',
        "doubled": TOKEN + TOKEN,
        "comma": f"{TOKEN},{TOKEN}",
        "look-alikes": TOKEN.translate(LOOKALIKES),
        "full width": "".join(chr(ord(mark) + 0xFEE0) for mark in TOKEN),
        "percent": "".join(f"%{ord(mark):02x}" for mark in TOKEN),
        "escaped first": f"%41{TOKEN[1:]}",
        "zero width": TOKEN[:5] + "\u200b" + TOKEN[5:],
        "at": "@" + TOKEN,
        "wildcard": "%",
        "like": TOKEN[:-1] + "_",
        "sql": "' OR '1'='1",
        "null": "null",
        "true": "true",
        "user name": USER,
        "hash": "0" * 64,
        "long": "x" * 5000,
        "revoked": REVOKED,
        "inner blank": TOKEN[:6] + " " + TOKEN[6:],
    }


def bad_credentials() -> list[Bad]:
    """Return some eighty kinds of bad credentials."""
    found = [Bad("none")]
    tokens = wrong_tokens()
    for about, token in tokens.items():
        found += [Bad(f"header {about}", (("x-cdata-authtoken", token),)), Bad(f"Bearer {about}", (("Authorization", f"Bearer {token}"),))]
        if about in ("empty", "truncated", "upper", "look-alikes", "sql", "long", "user name", "revoked"):
            found.append(Bad(f"Basic {about}", (("Authorization", basic(f"{USER}:{token}")),)))
    for about, value in {
        "other user": basic(f"boss:{TOKEN}"),
        "user in capitals": basic(f"{USER.upper()}:{TOKEN}"),
        "no user": basic(f":{TOKEN}"),
        "no colon": basic(TOKEN),
        "swapped": basic(f"{TOKEN}:{USER}"),
        "user with NUL": basic(f"{USER}\0:{TOKEN}"),
        "token with NUL": basic(f"{USER}:{TOKEN}\0"),
        "token with newline": basic(f"{USER}:{TOKEN}\n"),
        "bad UTF-8": basic(b"\xff\xfe:" + TOKEN.encode()),
        "bad base64": "Basic ???",
        "base64 cut": basic(f"{USER}:{TOKEN}")[:-3],
        "no base64": f"Basic {USER}:{TOKEN}",
        "nothing": "Basic",
        "Bearer nothing": "Bearer",
        "no scheme": TOKEN,
        "Digest": f'Digest username="{USER}", response="{TOKEN}"',
        "Token": f"Token {TOKEN}",
        "AWS": "AWS4-HMAC-SHA256 Credential=x",
        "Negotiate": "Negotiate YII=",
        "Bearer twice": f"Bearer Bearer {TOKEN}",
        "joined": f"BearerX {TOKEN}",
    }.items():
        found.append(Bad(f"Authorization: {about}", (("Authorization", value),)))
    return [*found, *bearers(), *misplaced()]


def bearers() -> Iterator[Bad]:
    """Give access tokens and JWTs that are none, in every place where a credential may stand."""
    parts = [base64.urlsafe_b64encode(text).decode().rstrip("=") for text in (b'{"alg":"none","typ":"JWT"}', b'{"sub":"lead"}')]
    tokens = {
        "access token": f"oat.{TOKEN}",
        "empty access token": "oat.",
        "refresh token": f"ort.{TOKEN}",
        "authtoken with a dot": f"{TOKEN}.",
        "unsigned JWT": f"{'.'.join(parts)}.",
        "JWT of nobody": f"{'.'.join(parts)}.c2ln",
        "dots": "..",
        "JWE": "a.b.c.d.e",
    }
    for about, token in tokens.items():
        yield Bad(f"Bearer {about}", (("Authorization", f"Bearer {token}"),))
    for about in ("access token", "unsigned JWT"):
        token = tokens[about]
        yield Bad(f"header {about}", (("x-cdata-authtoken", token),))
        yield Bad(f"Basic {about}", (("Authorization", basic(f"{USER}:{token}")),))
        yield Bad(f"path {about}", segment=f"@{token}")
        yield Bad(f"query {about}", query=f"access_token={token}")
        yield Bad(f"good and {about}", (("x-cdata-authtoken", TOKEN), ("Authorization", f"Bearer {token}")))


def misplaced() -> Iterator[Bad]:
    """Give a good token where none counts, or beside another one."""
    yield Bad("in the path while that is off", segment=f"@{TOKEN}")
    yield Bad("in the path, escaped", segment=f"%40{TOKEN}")
    yield Bad("in the path, escaped twice", segment=f"%2540{TOKEN}")
    yield Bad("in the path, bare", segment=TOKEN)
    yield Bad("in the path, look-alike", segment=encoded(f"＠{TOKEN}"))
    yield Bad("in the path, empty", segment="@")
    for name in (
        "@authtoken",
        "%40authtoken",
        "@AuthToken",
        "authtoken",
        "access_token",
        "token",
        "api_key",
        "@authtoken%00",
        "%2540authtoken",
    ):
        yield Bad(f"in the query as {name}", query=f"{name}={TOKEN}")
    for name in (
        "X-Authtoken",
        "X-CData-Token",
        "authtoken",
        "X-Api-Key",
        "Cookie",
        "Proxy-Authorization",
        "X-Authorization",
        "Access-Token",
    ):
        yield Bad(f"in {name}", ((name, f"authtoken={TOKEN}" if name == "Cookie" else TOKEN),))
    yield Bad("good and bad", (("x-cdata-authtoken", TOKEN), ("Authorization", f"Bearer {REVOKED}")))
    yield Bad("bad and good", (("x-cdata-authtoken", REVOKED), ("Authorization", basic(f"{USER}:{TOKEN}"))))
    yield Bad("two headers, good first", (("x-cdata-authtoken", TOKEN), ("x-cdata-authtoken", REVOKED)))
    yield Bad("two headers, good last", (("x-cdata-authtoken", REVOKED), ("x-cdata-authtoken", TOKEN)))
    yield Bad("good, and in the query", (("x-cdata-authtoken", TOKEN),), query=f"@authtoken={TOKEN}")


def admitted(transport: Transport, bad: list[Bad], endpoints: tuple[str, ...] = ENDPOINTS, methods: tuple[str, ...] = METHODS) -> list[str]:
    """Send bad credentials everywhere; return what is not 401 with its header. A path that is not one of the API may say 404."""
    requests = [one.at(endpoint, method) for one, endpoint, method in itertools.product(bad, endpoints, methods)]
    found = []
    for sent, answer in transport.exchange_all(requests):
        is_refused = answer.status == 401 and answer.headers.get("www-authenticate") and TOKEN.encode() not in answer.body
        if not is_refused and not is_no_http(sent, answer.status):
            found.append(f"{sent.about}: {sent.method} {sent.target.decode()[:60]} -> {answer.status} {answer.body[:100]!r}")
    return found


def is_no_http(sent: Sent, status: int) -> bool:
    """Claim that the web server refused bytes that may not stand in a header."""
    return status == 400 and any("\0" in value or "\n" in value for _, value in sent.headers)


FORWARDED = (
    "X-Forwarded-For", "X-Real-IP", "X-Client-IP", "Client-IP", "X-Cluster-Client-IP", "True-Client-IP", "CF-Connecting-IP",
    "Fastly-Client-IP", "Forwarded", "Forwarded-For", "X-Forwarded", "X-Originating-IP", "X-Remote-IP", "X-Remote-Addr", "Remote-Addr",
    "X-ProxyUser-IP", "X-Forwarded-Host", "Via", "X-Host",
)  # fmt: skip
ADDRESSES = (
    "127.0.0.1", "::1", "localhost", "127.0.0.1, 127.0.0.1", "127.0.0.1:80", "[::1]:80", "::ffff:127.0.0.1", "0.0.0.0", "127.1",
    "2130706433", "0x7f.1", "for=127.0.0.1", 'for="[::1]"', "unknown", "127.0.0.1\t", "10.0.0.1, 127.0.0.1", "%31%32%37.0.0.1",
)  # fmt: skip


def forged(transport: Transport, given: tuple[str, ...] = ADDRESSES) -> list[str]:
    """Claim from an untrusted address to be this machine; return what is not 403."""
    requests = []
    for name, address in itertools.product(FORWARDED, given):
        headers = ((name, address), ("x-cdata-authtoken", TOKEN))
        requests += [
            Sent(path.encode(), headers=headers, about=f"{name}: {address}")
            for path in ("/api.rsc/items", "/manage/api/", "/console/", "/oauth/token", "/oauth/authorize")
        ]
    return [
        f"{sent.about} at {sent.target!r} -> {answer.status}" for sent, answer in transport.exchange_all(requests) if answer.status != 403
    ]


def chained(transport: Transport) -> list[str]:
    """Put this machine's address before the one that a listed proxy adds; return what is not 403."""
    real = "203.0.113.9"
    chains = [("X-Forwarded-For", f"{address}, {real}") for address in ADDRESSES]
    chains += [("Forwarded", f"for={address}, for={real}") for address in ADDRESSES]
    requests = [Sent(b"/api.rsc/items", headers=(one, ("x-cdata-authtoken", TOKEN)), about=f"{one[0]}: {one[1]}") for one in chains]
    both = (("X-Forwarded-For", real), ("Forwarded", "for=127.0.0.1"), ("x-cdata-authtoken", TOKEN))
    requests.append(Sent(b"/api.rsc/items", headers=both, about="two chains that differ"))
    return [f"{sent.about} -> {answer.status}" for sent, answer in transport.exchange_all(requests) if answer.status != 403]


ORIGINS = (
    "null", "https://evil.example", "http://app.example.com", "https://app.example.com.evil.example", "https://evilapp.example.com",
    "https://app.example.com:8443", "https://app.example.com:443.evil.example", "https://app.example.com@evil.example",
    "https://evil.example#app.example.com", "https://app.example.com%00.evil.example", "https://app-example.com",
    "https://appXexample.com", "https://app.example.comx", "https://sub.app.example.com", "https://app.example.co",
    "ftp://app.example.com", "https://app.example.com/..", "https://app.example.com/x", "https://app.example.com?x",
    "https://app.example.com\\.evil.example", "https://app.example.com_.evil.example", "https://app.example.com, https://evil.example",
    "https://evil.example, https://app.example.com", "//app.example.com", "app.example.com", "*", "file://", "https://аpp.example.com",
    "https://[::1]", "http://localhost", "chrome-extension://abc",
)  # fmt: skip


def allowed_origins(transport: Transport, origins: tuple[str, ...] = ORIGINS) -> list[str]:
    """Ask as pages of other sites; return the answers that let one of them read."""
    requests = []
    for origin in origins:
        own, preflight = ("Origin", origin), (("Access-Control-Request-Method", "GET"), ("Access-Control-Request-Headers", "authorization"))
        for path in ("/api.rsc/items", "/manage/api/", "/console/", "/readyz", "/oauth/token", "/oauth/authorize"):
            requests.append(Sent(path.encode(), headers=(own, ("x-cdata-authtoken", TOKEN)), about=origin))
            requests.append(Sent(path.encode(), "OPTIONS", headers=(own, *preflight), about=origin))
    found = []
    for sent, answer in transport.exchange_all(requests):
        if "access-control-allow-origin" in answer.headers or "access-control-allow-credentials" in answer.headers:
            found.append(f"{sent.method} {sent.target!r} from {sent.about}: {answer.headers.get('access-control-allow-origin')}")
        elif b"/api" in sent.target and "origin" not in answer.headers.get("vary", "").lower():
            found.append(f"{sent.method} {sent.target!r} from {sent.about}: no Vary")
    return found
