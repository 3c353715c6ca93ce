"""S11: the console: no change without its form's token or by GET, a new session at sign-in, headers, redirects, worlds apart."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import requests

from chaos.promises import promise, require
from chaos.site import ADMIN, AS_ADMIN, EVERY, HEADERS, PASSWORD, browser, configuration, database, folder, post, serving
from tests.served import Served

COOKIE = "apiserver_session"
# What reading may leave behind: sessions, when an authtoken was used, what a source was seen to hold.
# The worker takes the contract down when it comes to it, and looks at sources.
VOLATILE = {
    "powerplatform_contract": None,
    "powerplatform_contractchange": None,
    "powerplatform_sourcelook": None,
    "django_session": None,
    "users_authtoken": ("last_used",),
    "connections_connection": ("tables", "tables_read", "last_test"),
}
WANTED = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def addresses() -> list[str]:
    """Return every address of the console; numbers are those of the only entry of each kind."""
    import django
    from django.urls import get_resolver

    django.setup()
    found = [path for path in walked(get_resolver().url_patterns) if path.startswith("console/")]
    filled = [re.sub(r"<int:\w+>", "1", path).replace("<str:kind>", "user").replace("<str:key>", "sqlite") for path in found]
    return ["/" + re.sub(r"<str:\w+>", "items", path) for path in filled]


def walked(patterns: list[Any], before: str = "") -> Iterator[str]:
    """Give the paths of patterns and of those below them."""
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from walked(pattern.url_patterns, path)
        else:
            yield path


def state(served: Served) -> dict[str, list[tuple[Any, ...]]]:
    """Return all that is stored and not volatile."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    with closing(sqlite3.connect(served.data_dir / "apiserver.sqlite3")) as stored:
        for (table,) in stored.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            dropped = VOLATILE.get(table, ())
            if dropped is not None:
                columns = [row[1] for row in stored.execute(f'PRAGMA table_info("{table}")') if row[1] not in dropped]
                names = ", ".join(f'"{name}"' for name in columns)
                found[table] = sorted(stored.execute(f'SELECT {names} FROM "{table}"').fetchall(), key=repr)
    return found


def without_token(served: Served, session: requests.Session, paths: list[str]) -> int:
    """POST everything without the form's token; return how many were tried."""
    before = state(served)
    for path in paths:
        for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null", "Referer": "https://evil.example/"}):
            status = session.post(served.base + path, {"name": "x"}, headers=headers, timeout=30, allow_redirects=False).status_code
            require(status in (403, 404, 405), f"{status} for POST {path} without a token")
    require(state(served) == before, "something was changed without a token")
    return 3 * len(paths)


def foreign(served: Served, session: requests.Session) -> None:
    """A valid token from another site's page counts for nothing."""
    page = session.get(f"{served.base}/console/settings/", timeout=30).text
    token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', page)
    fields = {"csrfmiddlewaretoken": token[1] if token else "", "page_size": "7"}
    answer = session.post(f"{served.base}/console/settings/", fields, headers={"Origin": "https://evil.example"}, timeout=30)
    require(answer.status_code == 403, f"{answer.status_code} for a change from a foreign origin")


def by_get(served: Served, session: requests.Session, paths: list[str]) -> int:
    """GET everything; nothing changes."""
    before = state(served)
    statuses = [session.get(served.base + path, timeout=30, allow_redirects=False).status_code for path in paths]
    require(max(statuses) < 500, f"statuses {statuses}")
    require(state(served) == before, "something was changed by GET")
    return len(paths)


def headers(served: Served, session: requests.Session, paths: list[str]) -> int:
    """Every page says what browsers may do with it."""
    for path in paths:
        found = session.get(served.base + path, timeout=30, allow_redirects=False).headers
        wrong = {name for name, value in WANTED.items() if found.get(name) != value}
        policy = found.get("Content-Security-Policy", "")
        wrong |= {"Cache-Control"} - ({"Cache-Control"} if "no-store" in found.get("Cache-Control", "") else set())
        require(not wrong and "unsafe" not in policy and "frame-ancestors 'none'" in policy, f"{path}: {wrong or policy}")
    return len(paths)


def sessions(served: Served) -> None:
    """Sign-in gives a new session whose cookie no script reads; signing out ends it; a planted one is not taken over."""
    session = requests.Session()
    session.cookies.set(COOKIE, "planted", domain="127.0.0.1")
    answer = post(session, f"{served.base}/console/sign-in", {"name": ADMIN, "password": PASSWORD})
    cookie = answer.headers.get("Set-Cookie", "")
    require(answer.status_code == 302 and "planted" not in cookie, f"{answer.status_code}: the planted session was kept")
    require(all(word in cookie for word in (COOKIE, "HttpOnly", "SameSite=Lax")), cookie)
    held = re.search(rf"{COOKIE}=(\w+)", cookie)
    post(session, f"{served.base}/console/sign-out", {}, form=f"{served.base}/console/")
    again = requests.get(f"{served.base}/console/", cookies={COOKIE: held[1] if held else ""}, timeout=30, allow_redirects=False)
    require(again.status_code == 302, f"{again.status_code} for a session that was signed out")


def redirects(served: Served) -> int:
    """Sign-in leads nowhere else."""
    elsewhere = (
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "https:evil.example",
        "/%2f/evil.example",
    )
    for place in elsewhere:
        session = requests.Session()
        answer = post(session, f"{served.base}/console/sign-in?next={place}", {"name": ADMIN, "password": PASSWORD, "next": place})
        require("evil" not in answer.headers.get("Location", "") and "alert" not in answer.headers.get("Location", ""), answer.headers)
        require("evil.example" not in session.post(f"{served.base}/console/language", {"next": place}, timeout=30).url, place)
    return 2 * len(elsewhere)


def worlds(served: Served, session: requests.Session) -> None:
    """A session opens no API, an authtoken no page."""
    for path in ("/api.rsc/items", "/manage/api/users/"):
        require(session.get(served.base + path, timeout=30).status_code == 401, f"a session opened {path}")
    page = requests.get(f"{served.base}/console/users/", headers=HEADERS, auth=("flow", HEADERS["x-cdata-authtoken"]), timeout=30)
    require("sign-in" in page.url, f"an authtoken opened {page.url}")


def over_tls(check: Callable[[str], None], served: Served) -> None:
    """Ask for the cookie where clients come by https."""
    session = requests.Session()
    session.trust_env = False  # a bundle of the machine would stand in for the certificate
    session.verify = str(served.data_dir / "self-signed.crt")
    check(post(session, f"{served.base}/console/sign-in", {"name": ADMIN, "password": PASSWORD}).headers.get("Set-Cookie", ""))


def secure(cookie: str) -> None:
    """Require that the session's cookie is for https alone."""
    require(COOKIE in cookie and all("Secure" in part for part in cookie.split(", apiserver_")), cookie)


@promise("S11")
def the_console_is_closed() -> str:
    with folder() as where:
        source = database("sqlite", "console", where)
        source.run("CREATE TABLE items (id integer PRIMARY KEY, name varchar(9))")
        file = configuration(source, ("items",)) | {"groups": {"team": {"privileges": EVERY}}}
        with serving(file, where, **AS_ADMIN) as served:
            session, paths = browser(served), addresses()
            quiet = [path for path in paths if not path.endswith("/sign-out")]
            posted, got = without_token(served, session, paths), by_get(served, session, quiet)
            foreign(served, session)
            seen = headers(served, session, quiet)
            sessions(served)
            led = redirects(served)
            worlds(served, session)
        with serving(file, where / "tls", "--tls-self-signed", **AS_ADMIN) as served:
            over_tls(secure, served)
    return (
        f"{posted} POSTs without a token, {got} GETs: 0 changes; {seen} pages: 0 without headers; {led} redirects: 0 elsewhere; "
        "session, cookie and world checks: 0 failed"
    )
