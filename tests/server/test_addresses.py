"""Trusted addresses, trusted proxies, the address that clients use for us."""

from __future__ import annotations

import pytest
from django.http import HttpRequest
from django.test import RequestFactory
from django.urls import clear_script_prefix

from apiserver.server import options
from apiserver.server.addresses import Caller, adopt, caller, is_listed, rule, site_root, without_public_prefix

pytestmark = pytest.mark.usefixtures("fresh")


def came(peer: str = "127.0.0.1", **headers: str) -> HttpRequest:
    return RequestFactory().get("/api.rsc/", REMOTE_ADDR=peer, headers={n.replace("_", "-"): v for n, v in headers.items()})


@pytest.mark.parametrize(
    ("entry", "inside", "outside"),
    [
        ("10.1.2.3", ["10.1.2.3", "::ffff:10.1.2.3"], ["10.1.2.4", "::1"]),
        ("100.10.100.1-15", ["100.10.100.1", "100.10.100.15"], ["100.10.100.16", "100.10.101.1", "100.10.100.0"]),
        ("10.0.0.250-10.0.1.5", ["10.0.0.255", "10.0.1.5"], ["10.0.1.6"]),
        ("100.10.100.*", ["100.10.100.0", "100.10.100.255"], ["100.10.101.1"]),
        ("100.10.*.*", ["100.10.7.1"], ["100.11.7.1", "::1"]),
        ("*", ["1.2.3.4", "2001:db8::1"], []),
        ("10.0.0.0/8", ["10.255.0.1"], ["11.0.0.1", "::a00:1"]),
        ("2001:db8::/32", ["2001:db8:1::1"], ["2001:db9::1", "10.0.0.1"]),
        ("::1", ["::1", "0:0:0:0:0:0:0:1"], ["127.0.0.1"]),
        ("::ffff:10.1.2.3", ["10.1.2.3"], ["10.1.2.4"]),
        ("fe80::1-fe80::f", ["fe80::a%eth0"], ["fe80::10"]),
    ],
)
def test_rule_knows_who_is_inside(entry: str, inside: list[str], outside: list[str]) -> None:
    assert [is_listed(address, [entry]) for address in inside] == [True] * len(inside)
    assert [is_listed(address, [entry]) for address in outside] == [False] * len(outside)


@pytest.mark.parametrize("entry", ["", "localhost", "10.0.0", "10.0.0.1-", "10.0.0.9-1", "10.*", "10.0.0.*.1", "10.0.0.0/40", "300.1.1.1"])
def test_rule_refuses_what_is_no_address(entry: str) -> None:
    with pytest.raises(ValueError):
        rule(entry)


@pytest.mark.parametrize("address", ["", "unknown", "127.0.0.1.evil.example", "127.0.0.1, 10.0.0.1", "0x7f.1", "127.1"])
def test_is_listed_refuses_what_is_no_address(address: str) -> None:
    assert not is_listed(address, ["*", "127.0.0.1"])


@pytest.mark.parametrize(
    "name", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Anything", "X-Real-IP", "CF-Connecting-IP"]
)
def test_loopback_request_of_an_unlisted_proxy_is_not_local(name: str) -> None:
    assert caller(came(**{name: "127.0.0.1"})) == Caller("127.0.0.1", is_spoofed=True)


def test_forwarded_headers_of_strangers_do_not_count() -> None:
    assert caller(came("10.9.9.9", X_Forwarded_For="127.0.0.1", Forwarded="for=127.0.0.1")) == Caller("10.9.9.9")


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({}, "127.0.0.1"),
        ({"X_Forwarded_For": "6.6.6.6"}, "6.6.6.6"),
        ({"X_Forwarded_For": "127.0.0.1, 6.6.6.6"}, "6.6.6.6"),
        ({"X_Forwarded_For": "6.6.6.6, 10.0.0.7"}, "6.6.6.6"),
        ({"X_Forwarded_For": "6.6.6.6:5123"}, "6.6.6.6"),
        ({"X_Forwarded_For": "127.0.0.1, nonsense"}, "unknown"),
        ({"Forwarded": 'for="[2001:db8::1]:4711";proto=https'}, "2001:db8::1"),
        ({"Forwarded": "for=127.0.0.1, for=6.6.6.6;by=10.0.0.7"}, "6.6.6.6"),
        ({"Forwarded": "for=_hidden"}, "unknown"),
        ({"Forwarded": "for=127.0.0.1", "X_Forwarded_For": "6.6.6.6"}, "unknown"),
        ({"Forwarded": "for=6.6.6.6", "X_Forwarded_For": "6.6.6.6"}, "6.6.6.6"),
    ],
)
def test_listed_proxy_names_its_client_and_the_client_nobody(headers: dict[str, str], address: str) -> None:
    options.save({"trusted_proxies": ["127.0.0.1", "10.0.0.7"]})

    assert caller(came(**headers)) == Caller(address, is_proxied=True)


def test_request_without_a_peer_is_unknown() -> None:
    assert caller(came("")) == Caller("unknown")


def test_site_root_is_the_configured_one_else_what_was_asked() -> None:
    request = came(Host="api.example.com:8153")
    before = site_root(request)
    options.save({"public_url": "https://api.example.com/data"})

    assert before == "http://api.example.com:8153"
    assert site_root(request) == "https://api.example.com/data"


@pytest.mark.parametrize("host", ["evil.example/path", "a b", "x\r\ny", "user@host", ""])
def test_site_root_does_not_repeat_a_host_that_is_none(host: str) -> None:
    request = came()
    request.META["HTTP_HOST"] = host

    assert site_root(request) == "http://testserver:80"


def test_adopt_takes_scheme_and_host_of_the_client() -> None:
    request = came(X_Forwarded_Proto="https", X_Forwarded_Host="api.example.com")

    adopt(request)

    assert (site_root(request), request.is_secure(), request.get_host()) == ("https://api.example.com", True, "api.example.com")


@pytest.mark.parametrize(
    ("prefix", "root"),
    [
        ("/data/v1/", "http://testserver:80/data/v1"),
        ("/outer, /inner", "http://testserver:80/outer"),
        ("/", "http://testserver:80"),
        ("//evil.example", "http://testserver:80"),
        ("/a/../b", "http://testserver:80"),
        ("/a?b", "http://testserver:80"),
    ],
)
def test_adopt_takes_the_path_that_a_proxy_took_off(prefix: str, root: str) -> None:
    request = came(X_Forwarded_Prefix=prefix)

    adopt(request)
    clear_script_prefix()  # a server sets it anew for each request

    assert site_root(request) == root


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/data/api.rsc/Orders", "/api.rsc/Orders"),
        ("/data/console/", "/console/"),
        ("/database", "/database"),
        ("/console/", "/console/"),
    ],
)
def test_path_of_the_public_address_is_taken_off_where_no_proxy_did(path: str, found: str) -> None:
    options.save({"public_url": "https://api.example.com/data"})

    assert without_public_prefix(path) == found


def test_path_that_is_our_own_is_never_taken_off() -> None:
    options.save({"public_url": "https://api.example.com/console"})

    assert without_public_prefix("/console/connections/") == "/console/connections/"
