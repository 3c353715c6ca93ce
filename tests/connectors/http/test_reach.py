"""Promise S13: no address that somebody gives leads the server inside. A canary listens here; only the control may reach it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connections.connectors.registry import get_connector
from connections.contract.context import Context
from connections.contract.errors import ConnectorError
from connections.contract.scan import Scan
from connections.contract.table import Table, TableRef
from connections.outgoing import Outgoing, Settings
from tests.connectors.http.notes import manifest, open_session
from tests.connectors.http.test_faults import PLAIN
from tests.fakes.upstream import Answer, Upstream

HOSTS = (
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001",
    "127.0.0.1.", "localhost", "LOCALHOST", "localhost.", "0", "0.0.0.0", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fec0::1]", "[fe80::1]",
    "[fd00:ec2::254]", "169.254.169.254", "[::ffff:a9fe:a9fe]", "192.0.0.192", "168.63.129.16", "100.100.100.200", "10.0.0.1",
    "172.16.0.1", "192.168.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "①②⑦.0.0.1", "127。0。0。1", "ⓛocalhost",
)  # fmt: skip
ODD = (
    "file:///etc/passwd", "gopher://127.0.0.1:{port}/", "ftp://127.0.0.1:{port}/", "dict://127.0.0.1:{port}/",
    "ldap://127.0.0.1:{port}/", "//127.0.0.1:{port}/", "https://api.example.com@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}#@api.example.com/", "https://127.0.0.1:{port}\\@api.example.com/",
    "http://api.example.com\t@127.0.0.1:{port}/", "https://127.0.0.1:{port}%00.example.com/", "https://[::1%25lo]:{port}/",
    "jar:http://127.0.0.1:{port}/!/", "http:127.0.0.1:{port}", "http:///127.0.0.1:{port}/", "https://①②⑦.⓪.⓪.①:{port}/",
)  # fmt: skip


def traps(port: int) -> list[str]:
    """Return every address that leads inside, by http and https, to the canary's port and the usual one."""
    found = [f"{scheme}://{host}{place}/rows" for host in HOSTS for scheme in ("http", "https") for place in (f":{port}", "")]
    return [*found, *(text.replace("{port}", str(port)) for text in ODD)]


@pytest.fixture(scope="module")
def canary() -> Iterator[Upstream]:
    with Upstream([{"id": 1}]) as running:
        yield running


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


def by_property(connector: str, name: str, allow: tuple[str, ...], **values: Any) -> Any:
    """Return what gives a connector the address and reads its tables."""

    def enter(url: str) -> None:
        found = get_connector(connector)
        given = found.clean({name: url, "ConnectTimeout": 1, "Timeout": 1, **values})
        session: Any = found.open(given, context=Context(outgoing=allow))
        table = session.describe([info.ref for info in session.list_tables()][:1])[0]
        next(iter(session.read(session.offer(Scan(table, tuple(table.by_name), limit=1)))))
        raise AssertionError(f"{url} was read")

    return enter


def by_answer(upstream: Upstream, kind: str) -> Any:
    """Return what lets a service that may be called lead to the address."""

    def enter(url: str) -> None:
        redirect = Answer(None, 302, {"Location": url.encode("utf-8").decode("latin-1")})
        upstream.route("/x", lambda seen: Answer({"values": [{"id": 1}], "next": url}) if kind == "next" else redirect)
        session = open_session(upstream, manifest(PLAIN.replace("/fault/FAULT", "/x")), URL=upstream.url, Timeout=1, MaxRetries=0)
        for _ in session.read(session.offer(Scan(Table(TableRef("", "Rows")), ("Id",)))):
            pass
        raise AssertionError(f"{url} was read")

    return enter


def by_client(url: str) -> None:
    Outgoing(Settings(connect_timeout=1, timeout=1)).send("GET", url)
    raise AssertionError(f"{url} was read")


ENTRIES = ("client", "rest", "manifest", "odata", "openapi", "next", "redirect")


def entry_of(name: str, upstream: Upstream) -> Any:
    if name in ("next", "redirect"):
        return by_answer(upstream, name)
    if name == "client":
        return by_client
    values: dict[str, dict[str, Any]] = {
        "rest": {"MaxRetries": 0, "Paging": "None"},
        "manifest": {
            "MaxRetries": 0,
            "Manifest": PLAIN.replace("/fault/FAULT", "/rows").replace("rows: values", "rows: $"),
            "Secrets": "APIToken=x",
        },
        "odata": {},
        "openapi": {"MaxRetries": 0},
    }
    known = {item.name for item in get_connector(name).properties}
    given = {key: value for key, value in values[name].items() if key in known}
    return by_property(name, "Document" if name == "openapi" else "URL", (), **given)


@pytest.mark.parametrize("name", ENTRIES)
def test_no_address_leads_inside(canary: Upstream, upstream: Upstream, name: str) -> None:
    enter = entry_of(name, upstream)
    canary.calls.clear()
    given = traps(canary.port)

    for url in given:
        with pytest.raises((ConnectorError, ValueError)):
            enter(url)

    assert canary.calls == []
    print(f"{len(given)} inputs")


def test_control_reaches_the_canary(canary: Upstream) -> None:
    canary.calls.clear()
    Outgoing(Settings(allow=canary.allow)).send("GET", f"{canary.url}/rows")

    assert len(canary.calls) == 1
