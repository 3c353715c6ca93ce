"""S16: secrets stand nowhere but sealed: not in the database, logs, answers or exports; keys rotate without a failed request."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import requests

from chaos.honest import Honest
from chaos.promises import promise, require
from chaos.site import ADMIN, EVERY, HEADERS, TOKEN, browser, database, folder, post, serving
from tests.databases import Database
from tests.served import Served, manage

KEYS = ("secret.key", "encryption.keys")  # what opens the sealed: never in the database, never in a backup of it alone
ROTATED = 3
MANAGED = (
    *("connections/", "connections/wrong/", "users/", "users/other/", "users/other/authtokens/", "server/"),
    *("log/", "audit/", "export/"),
)
CONSOLE = (
    *("", "connections/", *(f"connections/{number}" for number in range(1, 5))),
    *("users/", *(f"users/{number}" for number in range(1, 4)), "logs/", "logs/audit", "settings/"),
)


def canary(name: str) -> str:
    """Return a secret that stands nowhere else."""
    return f"canary-{name}-{secrets.token_hex(12)}"


def planted(source: Database, words: dict[str, str]) -> dict[str, Any]:
    """Return a configuration with a secret in every field that takes one."""
    resources = {name: {"connection": "source", "table": name, "methods": EVERY} for name in ("items",)}
    users = {
        "flow": {"role": "admin", "privileges": EVERY, "authtoken": TOKEN},
        "other": {"role": "query", "privileges": ["GET"], "authtoken": words["authtoken"]},
    }
    settings = {"allow_authtoken_in_url": True, "outgoing": {"allow": ["127.0.0.1:1"]}}
    return {"server": settings, "connections": planted_connections(source, words), "resources": resources, "users": users}


def planted_connections(source: Database, words: dict[str, str]) -> dict[str, Any]:
    """Return the connections: one that works, and those whose secrets meet a server that refuses them or none at all."""
    server = {"Server": "127.0.0.1", "Port": source.connection["properties"]["Port"], "User": "postgres", "Database": "postgres"}
    return {
        "source": source.connection,
        "wrong": {"connector": "postgresql", "properties": {**server, "User": "nobody", "Password": words["postgresql"]}},
        "away": {
            "connector": "mysql",
            "properties": {"Server": "127.0.0.1", "Port": 1, "User": "u", "Password": words["mysql"], "Database": "d"},
        },
        "tunnel": {
            "connector": "postgresql",
            "properties": {
                **server,
                "UseSSH": True,
                "SSHServer": "127.0.0.1",
                "SSHPort": 1,
                "SSHUser": "u",
                "SSHPassword": words["ssh"],
                "SSHServerFingerprint": "SHA256:" + "A" * 43,
                "ConnectTimeout": 1,
            },
        },
        "cloud": {
            "connector": "bitbucket",
            "properties": {
                "URL": "http://127.0.0.1:1/2.0",
                "OAuthAccessTokenURL": "http://127.0.0.1:1/token",
                "OAuthClientId": "key",
                "OAuthClientSecret": words["client"],
                "OAuthAccessToken": words["access"],
                "OAuthRefreshToken": words["refresh"],
                "Workspace": "w",
            },
        },
    }


def exercise(served: Served, words: dict[str, str]) -> str:
    """Use what there is, failures included; return every answer."""
    seen: list[str] = []
    own = {"x-cdata-authtoken": words["authtoken"]}
    paths = ["", "items", "items(1)", "items?$filter=(", "nothing", "$metadata", "$oas", "$openapi", "items?$orderby=x", "items(1)/name"]
    for path in paths:
        seen.append(served.get(f"/api.rsc/{path}", own)[2].decode())
    served.get(f"/api.rsc/@{words['authtoken']}/items?$filter=(")
    for path in (
        "connections/",
        "connections/wrong/",
        "users/",
        "users/other/",
        "users/other/authtokens/",
        "server/",
        "log/",
        "audit/",
        "export/",
    ):
        seen.append(served.get(f"/manage/api/{path}", HEADERS)[2].decode())
    for name in ("wrong", "away", "tunnel", "cloud"):
        seen.append(served.get(f"/manage/api/connections/{name}/test/", HEADERS, "POST", {})[2].decode())
        seen.append(served.get(f"/manage/api/connections/{name}/tables/", HEADERS)[2].decode())
        changed = {"connector": "postgresql", "properties": {"Password": words["changed"], "Nonsense": words["changed"]}}
        seen.append(served.get(f"/manage/api/connections/{name}/", HEADERS, "PATCH", changed)[2].decode())
    return "\n".join([*seen, *pages(served, words)])


def pages(served: Served, words: dict[str, str]) -> list[str]:
    """Return what the console shows, wrong sign-ins included."""
    session = browser(served)
    wrong = {"name": ADMIN, "password": words["sign-in"]}
    seen = [post(requests.Session(), f"{served.base}/console/sign-in", wrong).text]
    for path in (
        "",
        "connections/",
        *(f"connections/{number}" for number in range(1, 6)),
        "users/",
        "users/1",
        "users/2",
        "users/3",
        "logs/",
        "logs/audit",
    ):
        seen.append(session.get(f"{served.base}/console/{path}", timeout=30).text)
    for number in (1, 2, 3, 4):
        seen.append(post(session, f"{served.base}/console/connections/{number}", {"action": "test", "Password": words["form"]}).text)
    return seen


def searched(where: Path, words: dict[str, str], more: str) -> int:
    """Require that no canary stands in the files or in the text; return the bytes that were read."""
    size = len(more)
    for name, word in words.items():
        require(word not in more, f"{name} was answered")
    for file in (item for item in where.rglob("*") if item.is_file() and item.name not in KEYS):
        content = file.read_bytes()
        size += len(content)
        for name, word in words.items():
            require(word.encode() not in content, f"{name} stands in {file.name}")
    return size


@promise("S16")
def secrets_are_sealed() -> str:
    names = ("postgresql", "mysql", "ssh", "authtoken", "changed", "form", "sign-in", "password", "key", "client", "access", "refresh")
    words = {name: canary(name) for name in names}
    variables = {"APISERVER_ADMIN_USER": ADMIN, "APISERVER_ADMIN_PASSWORD": words["password"], "APISERVER_SECRET_KEY": words["key"]}
    with folder() as where:
        source = database("postgresql", "canaries", where)
        source.run("CREATE TABLE items (id integer PRIMARY KEY, name text)")
        source.run("INSERT INTO items VALUES (1, 'x')")
        with serving(planted(source, words), where, **variables) as served:
            answers = with_password(served, words)
            exported = manage(served.data_dir, "export", extra=variables)
            require(exported.returncode == 0, exported.stderr[-300:])
            time.sleep(1)
            (served.data_dir / "server.json").unlink()  # what we gave to apply
            size = searched(served.data_dir, words, answers + exported.stdout + exported.stderr)
            asked, failed, sealed = rotation(served, variables)
    return (
        f"{len(words)} canaries in {size:,} bytes of files, logs, answers and exports: 0 found; "
        f"{ROTATED} rotations of {sealed} secrets under load: {failed} of {asked} requests failed"
    )


def with_password(served: Served, words: dict[str, str]) -> str:
    """Exercise with the administrator's password being a canary too."""
    from chaos import site

    kept, site.PASSWORD = site.PASSWORD, words["password"]
    try:
        return exercise(served, words)
    finally:
        site.PASSWORD = kept


def rotation(served: Served, variables: dict[str, str]) -> tuple[int, int, int]:
    """Seal everything with new keys again and again beside the honest user; return its requests, the failed ones, secrets."""
    honest = Honest(f"{served.base}/api.rsc/items", TOKEN)
    for _ in range(ROTATED):
        done = manage(served.data_dir, "rotate_keys", extra=variables)
        require(done.returncode == 0, done.stderr[-300:])
    seen = honest.stop()
    require(seen.failed == 0 and seen.asked > 0, seen)
    with closing(sqlite3.connect(served.data_dir / "apiserver.sqlite3")) as stored:
        (tokens,) = stored.execute("SELECT count(*) FROM users_authtoken").fetchone()
        found = [json.loads(row[0]) for row in stored.execute("SELECT secrets FROM connections_connection")]
    status, _, body = served.get("/api.rsc/items", HEADERS)
    require(status == 200, body)
    return seen.asked, seen.failed, tokens + sum(map(len, found))
