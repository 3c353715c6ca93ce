"""The product's HTTP client: where it may call, for how long, how much, and what it says when that fails."""

from __future__ import annotations

import ast
import datetime
import os
import re
import signal
import socket
import ssl
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from apiserver.server.certificates import self_signed
from connections.contract.errors import AddressRefused, BadAnswer, ConnectionFailed, ConnectorError, SourceTimeout
from connections.outgoing import BrokeOff, CertificateRefused, NoAnswer, NoSuchHost, Outgoing, Settings, requests_session
from connections.outgoing.client import USER_AGENT, listed_host
from connections.outgoing.reach import entry, reach
from tests.fakes.upstream import Answer, Upstream

ROOT = Path(__file__).resolve().parents[2]
ONLY_CLIENT = re.compile(r"^(requests|urllib3|urllib\.request|http\.client|httpx|aiohttp|websocket)(\.|$)")
SIGN_IN = ("requests_oauthlib",)
# Asks its own web process, by the address that it gave it.
# Takes the words of requests; what it says goes through the client.
WORDS = {"connections/oauth/calls.py"}
ITSELF = {"apiserver/server/supervisor.py"}


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream([{"id": 1}]) as running:
        yield running


def client(upstream: Upstream, **settings: object) -> Outgoing:
    return Outgoing(Settings(allow=upstream.allow, **settings))  # type: ignore[arg-type]


def test_nothing_else_imports_an_http_client() -> None:
    found = []
    for room in ("apiserver", "connections", "users"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
                found += [str(path.relative_to(ROOT)) for name in names if ONLY_CLIENT.match(name) and not name.startswith(SIGN_IN)]

    assert {path for path in found if not path.startswith("connections/outgoing/")} == ITSELF | WORDS
    assert "connections/outgoing/client.py" in found


def test_user_agent_names_product_and_version(upstream: Upstream) -> None:
    client(upstream).send("GET", f"{upstream.url}/rows")

    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert upstream.calls[0].headers["user-agent"] == USER_AGENT == f"APIServer/{version}"


INNER = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "localhost",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "10.0.0.1",
    "172.16.5.4",
    "192.168.1.1",
    "169.254.169.254",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "192.0.0.192",
    "100.100.100.200",
    "168.63.129.16",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "[::7f00:1]",
    "[ff02::1]",
    "[::ffff:a9fe:a9fe]",
    "0",
    "[2001:0:7f00:1::]",
    "LOCALHOST",
    "localhost.",
]


@pytest.mark.parametrize("host", INNER)
def test_inner_address_is_refused_before_anything_is_sent(upstream: Upstream, host: str) -> None:
    outgoing = Outgoing(Settings(connect_timeout=2))

    with pytest.raises((AddressRefused, NoSuchHost)):
        outgoing.send("GET", f"https://{host}:{upstream.port}/rows")

    assert upstream.calls == []


def test_allowed_address_is_called_only_on_its_port(upstream: Upstream) -> None:
    with Upstream() as other:
        outgoing = client(upstream)

        assert outgoing.send("GET", f"{upstream.url}/rows").body == b'[{"id": 1}]'
        with pytest.raises(AddressRefused, match="private address"):
            outgoing.send("GET", f"{other.url}/rows")
        assert other.calls == []


@pytest.mark.parametrize(
    ("allow", "host", "address", "is_plain", "is_allowed"),
    [
        ("10.0.0.0/8", "10.1.2.3", "10.1.2.3", False, True),
        ("10.0.0.0/8", "10.1.2.3", "10.1.2.3", True, False),
        ("http://10.0.0.0/8", "10.1.2.3", "10.1.2.3", True, True),
        ("127.0.0.1:443", "127.0.0.1", "127.0.0.1", True, True),
        ("127.0.0.1:443", "localhost", "::ffff:127.0.0.1", True, True),
        ("[::1]:443", "localhost", "::1", True, True),
        ("intern.example", "intern.example", "10.9.9.9", False, True),
        ("intern.example", "other.example", "10.9.9.9", False, False),
        ("intern.example:8443", "intern.example", "10.9.9.9", False, False),
        ("", "api.example.com", "93.184.215.14", False, True),
        ("", "api.example.com", "93.184.215.14", True, False),
        ("http://api.example.com", "api.example.com", "93.184.215.14", True, True),
    ],
)
def test_reach_of_entries(allow: str, host: str, address: str, is_plain: bool, is_allowed: bool) -> None:
    rule = reach((allow,) if allow else ())

    if is_allowed:
        rule.check(host, address, 443, is_plain=is_plain)
    else:
        with pytest.raises(AddressRefused):
            rule.check(host, address, 443, is_plain=is_plain)


@pytest.mark.parametrize("text", ["", "10.0.0.0/99", "host:port", "a b"])
def test_wrong_entry_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"no address|no port"):
        entry(text)


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com/", "file:///etc/passwd", "gopher://x/", "https://user:pw@example.com/",
    "https://example.com\\@127.0.0.1/", "https://ex ample.com/",
     "https:///rows", "//example.com/", "https://example.com/\r\nX: y", "https://example.com:99999/", "javascript:alert(1)"],
)  # fmt: skip
def test_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        Outgoing(Settings()).send("GET", url)


def test_environment_proxy_is_not_used(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert client(upstream).send("GET", f"{upstream.url}/rows").status == 200


def test_proxy_of_the_settings_is_used(upstream: Upstream) -> None:
    with Upstream() as proxy:
        proxy.fallback = lambda seen: Answer({"through": seen.headers["proxy-authorization"]})
        outgoing = Outgoing(Settings(allow=(*upstream.allow, *proxy.allow), proxy=proxy.url, proxy_user="u", proxy_password="p"))

        assert outgoing.send("GET", f"{upstream.url}/elsewhere").body == b'{"through": "Basic dTpw"}'
        assert upstream.calls == []


def test_proxy_is_not_asked_for_inner_addresses() -> None:
    with Upstream() as proxy:
        outgoing = Outgoing(Settings(allow=proxy.allow, proxy=proxy.url))

        with pytest.raises(AddressRefused):
            outgoing.send("GET", "http://169.254.169.254/latest/meta-data")
        assert proxy.calls == []


def test_redirect_to_another_origin_loses_the_credentials(upstream: Upstream) -> None:
    with Upstream([{"id": 2}]) as other:
        upstream.route("/moved", lambda seen: Answer(None, 302, {"Location": f"{other.url}/rows"}))
        outgoing = Outgoing(Settings(allow=(*upstream.allow, *other.allow)))
        hosts = frozenset({listed_host(upstream.url), listed_host(other.url)})

        reply = outgoing.send("GET", f"{upstream.url}/moved", credentials={"Authorization": "Bearer secret"}, hosts=hosts)

        assert reply.body == b'[{"id": 2}]'
        assert upstream.calls[0].headers["authorization"] == "Bearer secret"
        assert "authorization" not in other.calls[0].headers


def test_redirect_on_the_same_origin_keeps_the_credentials(upstream: Upstream) -> None:
    upstream.route("/moved", lambda seen: Answer(None, 302, {"Location": "/rows"}))

    client(upstream).send("GET", f"{upstream.url}/moved", credentials={"Authorization": "Bearer secret"})

    assert upstream.calls[1].headers["authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    ("fault", "kind"), [("redirect_foreign", AddressRefused), ("redirect_inside", AddressRefused), ("redirect_loop", BadAnswer)]
)
def test_redirect_that_leads_astray_is_refused(upstream: Upstream, fault: str, kind: type[ConnectorError]) -> None:
    with pytest.raises(kind):
        client(upstream).send("GET", f"{upstream.url}/fault/{fault}")


def test_redirect_of_a_write_is_not_followed(upstream: Upstream) -> None:
    upstream.route("/moved", lambda seen: Answer(None, 307, {"Location": "/rows"}))

    assert client(upstream).send("POST", f"{upstream.url}/moved", body=b"{}").status == 307
    assert len(upstream.calls) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("endless_body", BadAnswer),
        ("gzip_bomb", BadAnswer),
        ("bad_gzip", BadAnswer),
        ("drip_body", NoAnswer),
        ("drip_head", NoAnswer),
        ("silent", NoAnswer),
        ("closed", BrokeOff),
        ("reset", BrokeOff),
        ("short_body", BrokeOff),
        ("short_chunks", BrokeOff),
        ("no_http", BrokeOff),
    ],
)
def test_fault_ends_in_a_named_error(upstream: Upstream, fault: str, kind: type[ConnectorError]) -> None:
    outgoing = client(upstream, timeout=1.0, max_bytes=2_000_000)
    begun = time.monotonic()

    with pytest.raises(kind) as caught:
        outgoing.send("GET", f"{upstream.url}/fault/{fault}")

    assert type(caught.value) is kind
    assert time.monotonic() - begun < 20


def test_service_that_ends_while_tls_is_agreed_on_is_no_matter_of_trust() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        threading.Thread(target=lambda: listening.accept()[0].close(), daemon=True).start()

        with pytest.raises(BrokeOff):
            Outgoing(Settings(allow=(f"127.0.0.1:{port}",), timeout=3)).send("GET", f"https://127.0.0.1:{port}/")


def test_moment_that_is_over_calls_nothing(upstream: Upstream) -> None:
    with pytest.raises(SourceTimeout):
        client(upstream).send("GET", f"{upstream.url}/rows", ends=time.monotonic() - 1)

    assert upstream.calls == []


def test_unknown_host_and_closed_port_are_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    outgoing = Outgoing(Settings(allow=("127.0.0.1",)))

    with pytest.raises(NoSuchHost, match="can't be resolved"):
        outgoing.send("GET", "https://no-such-host.invalid/")
    with pytest.raises(ConnectionFailed, match="refused the connection"):
        outgoing.send("GET", f"http://127.0.0.1:{port}/")


def test_certificate_that_nobody_trusts_is_refused(tmp_path: Path) -> None:
    certificate, key = map(str, self_signed(tmp_path, "127.0.0.1", datetime.datetime.now(datetime.UTC)))
    with TlsServer(certificate, key) as port:
        with pytest.raises(CertificateRefused, match="can't be trusted"):
            Outgoing(Settings(allow=("127.0.0.1",))).send("GET", f"https://127.0.0.1:{port}/")
        trusting = Outgoing(Settings(allow=("127.0.0.1",), authority=Path(certificate).read_text()))
        assert trusting.send("GET", f"https://127.0.0.1:{port}/").body == b"ok"


class TlsServer:
    """One that answers every request with ok."""

    def __init__(self, certificate: str, key: str) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)

    def __enter__(self) -> int:
        self.socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.run, daemon=True).start()
        return self.socket.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                found, _ = self.socket.accept()
            except OSError:
                return
            try:
                with self.context.wrap_socket(found, server_side=True) as sock:
                    sock.recv(65536)
                    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            except OSError:
                continue

    def __exit__(self, *error: object) -> None:
        self.socket.close()


def test_requests_session_calls_through_the_client(upstream: Upstream) -> None:
    session = requests_session(client(upstream))

    answer = session.post(f"{upstream.url}/rows", data={"a": "b"}, headers={"Authorization": "Basic eA=="})

    assert (answer.status_code, answer.json()) == (200, [{"id": 1}])
    assert upstream.calls[0].body == b"a=b"
    with pytest.raises(AddressRefused):
        session.get("https://169.254.169.254/")


@pytest.mark.parametrize("link", ["https://[::1/", "https://[/]:9/"])
def test_redirect_to_what_is_no_address_is_refused(upstream: Upstream, link: str) -> None:
    upstream.route("/moved", lambda seen: Answer(None, 302, {"Location": link}))

    with pytest.raises(AddressRefused, match="no address"):
        client(upstream).send("GET", f"{upstream.url}/moved")


def test_process_that_was_forked_off_ends_waits_too(upstream: Upstream) -> None:
    outgoing = client(upstream, timeout=0.5)
    with pytest.raises(NoAnswer):
        outgoing.send("GET", f"{upstream.url}/fault/drip_head")  # the watch runs in this process

    child = os.fork()
    if child == 0:
        try:
            client(upstream, timeout=0.5).send("GET", f"{upstream.url}/fault/drip_head")
        except NoAnswer:
            os._exit(7)
        finally:
            os._exit(1)
    ends, found = time.monotonic() + 20, (0, 0)
    while found == (0, 0) and time.monotonic() < ends:
        found = os.waitpid(child, os.WNOHANG)
        time.sleep(0.05)
    if found == (0, 0):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(found[1]) == 7
