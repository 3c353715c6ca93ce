"""JWTs of a configured issuer: whom they stand for, how far they go, and forty ways to be refused."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client as Browser

from apiserver.server import options, stamp
from apiserver.server.configuration_jwt import issuers
from apiserver.server.configuration_protocol import ConfigurationError
from tests.fakes.issuer import AUDIENCE, TENANT, Issuer, encoded
from users import services
from users.authentication import CACHE, by_bearer
from users.errors import AccessDenied
from users.jwt import keys
from users.models import User


@pytest.fixture(scope="module")
def running() -> Iterator[Issuer]:
    with Issuer() as found:
        yield found


@pytest.fixture
def issuer(running: Issuer, reader: User) -> Iterator[Issuer]:
    """The issuer, configured, nothing known of it yet."""
    keys.KNOWN.clear()
    running.is_down, running.listed, running.extra = False, ["one", "curve"], []
    configure(running, running.settings())
    yield running
    keys.KNOWN.clear()


def configure(running: Issuer, *entries: dict[str, Any]) -> None:
    options.save({"jwt": issuers(list(entries), "jwt"), "outgoing": {"allow": list(running.allow)}})
    stamp.forget()


def who(token: str) -> Any:
    return by_bearer(token, "127.0.0.1")


def refused(token: str) -> AccessDenied:
    with pytest.raises(AccessDenied) as caught:
        who(token)
    return caught.value


def test_a_token_stands_for_the_user_whom_it_names(issuer: Issuer) -> None:
    response = Browser(headers={"host": "testserver"}).get("/api.rsc/", headers={"authorization": f"Bearer {issuer.token()}"})

    assert response.status_code == 200
    assert [who(issuer.token(kid)).name for kid in ("one", "curve")] == ["reader", "reader"]
    assert who(issuer.token(aud=["other", AUDIENCE])).role == "query"


def test_entra_claims_tables_tenants_and_scopes(issuer: Issuer, admin: User) -> None:
    by_table = issuer.settings(claims=["oid", "appid"], users={"o-1": "reader", "a-1": "admin"})
    configure(issuer, by_table)
    named = [who(issuer.token(oid="o-1")).name, who(issuer.token(appid="a-1")).name]
    missing = refused(issuer.token(oid="reader"))

    configure(issuer, issuer.settings(scope_claim="scp", scopes={"Data.Read": "read", "Data.Write": "create"}))
    scoped = [who(issuer.token(scp=text, preferred_username="admin")).privileges for text in ("Data.Read openid", "", "read")]

    assert (named, missing.status) == (["reader", "admin"], 401)
    assert scoped == [frozenset({"GET"}), frozenset(), frozenset()]


def test_a_family_of_issuers_takes_its_listed_tenants_alone(issuer: Issuer) -> None:
    family = issuer.settings(issuer=f"{issuer.url}/{{tenantid}}/v2.0", jwks_uri=f"{issuer.url}/keys", tenants=[TENANT])
    configure(issuer, family)
    other = "22222222-2222-4222-8222-222222222222"

    good = who(issuer.token(iss=f"{issuer.url}/{TENANT}/v2.0"))
    wrong = [
        refused(issuer.token(iss=f"{issuer.url}/{other}/v2.0", tid=other)),
        refused(issuer.token(iss=f"{issuer.url}/{TENANT}/v2.0", tid=other)),
        refused(issuer.token(iss=f"{issuer.url}/{other}/v2.0")),
        refused(issuer.token(iss=f"{issuer.url}/{{tenantid}}/v2.0", tid="{tenantid}")),
        refused(issuer.token(iss=f"{issuer.url}/{TENANT}/v2.0", tid=[TENANT])),
    ]

    assert (good.name, {one.status for one in wrong}) == ("reader", {401})


def test_a_key_that_signs_for_another_tenant_is_not_taken(issuer: Issuer) -> None:
    issuer.listed, issuer.extra = [], [{**issuer.public("one"), "issuer": "https://login.example/other"}]

    assert refused(issuer.token()).status == 401


def pem_of(issuer: Issuer) -> bytes:
    public = issuer.keys["one"].public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def by_hand(head: Any, claims: Any, signature: str = "c2ln") -> str:
    return f"{encoded(head)}.{encoded(claims)}.{signature}"


def confused(issuer: Issuer) -> str:
    """A token whose HMAC was made with the public key."""
    import hashlib
    import hmac

    body = f"{encoded({'alg': 'HS256', 'kid': 'one', 'typ': 'JWT'})}.{encoded(issuer.claims())}"
    return f"{body}.{encoded(hmac.new(pem_of(issuer), body.encode(), hashlib.sha256).digest())}"


def foreign(issuer: Issuer, **head: Any) -> str:
    """A token of somebody else's key that says where to find it."""
    other = rsa.generate_private_key(65537, 2048)
    return jwt.encode(issuer.claims(), other, algorithm="RS256", headers={"kid": "one", **head})


def tampered(issuer: Issuer, **more: Any) -> str:
    """A good token with other claims under its signature."""
    head, _, signature = issuer.token().split(".")
    return f"{head}.{encoded(issuer.claims(**more))}.{signature}"


NOW = time.time()
HOSTILE: dict[str, Callable[[Issuer], str]] = {
    "alg none": lambda it: by_hand({"alg": "none", "typ": "JWT"}, it.claims(), ""),
    "alg None": lambda it: by_hand({"alg": "None", "kid": "one"}, it.claims(), ""),
    "alg none with a signature": lambda it: by_hand({"alg": "none", "kid": "one"}, it.claims()),
    "no alg": lambda it: by_hand({"typ": "JWT", "kid": "one"}, it.claims()),
    "alg a list": lambda it: by_hand({"alg": ["RS256"], "kid": "one"}, it.claims()),
    "alg not allowed": lambda it: it.token(algorithm="RS512"),
    "alg of another kind of key": lambda it: by_hand({"alg": "ES256", "kid": "one"}, it.claims()),
    "HS256 with the public key": confused,
    "HS256 with an empty key": lambda it: by_hand({"alg": "HS256", "kid": "one"}, it.claims()),
    "another key": lambda it: foreign(it),
    "another key by jku": lambda it: foreign(it, jku=f"{it.url}/evil"),
    "another key by x5u": lambda it: foreign(it, x5u=f"{it.url}/evil"),
    "another key by jwk": lambda it: foreign(it, jwk=it.public("one")),
    "unknown kid": lambda it: it.token(head={"kid": "two"}),
    "kid of a path": lambda it: it.token(head={"kid": "../../dev/null"}),
    "kid of SQL": lambda it: it.token(head={"kid": "' OR 1=1 --"}),
    "kid a number": lambda it: by_hand({"alg": "RS256", "kid": 1}, it.claims()),
    "kid of another key": lambda it: it.token(head={"kid": "curve"}),
    "no kid, several keys that fit none": lambda it: by_hand({"alg": "RS256"}, it.claims()),
    "critical header": lambda it: it.token(head={"crit": ["exp"], "exp": 1}),
    "unencoded payload": lambda it: it.token(head={"b64": False}),
    "typ of a logout token": lambda it: it.token(head={"typ": "logout+jwt"}),
    "typ of a proof": lambda it: it.token(head={"typ": "dpop+jwt"}),
    "typ a number": lambda it: by_hand({"alg": "RS256", "typ": 1}, it.claims()),
    "expired": lambda it: it.token(exp=int(time.time()) - 120),
    "no exp": lambda it: it.token(exp=None),
    "exp a text": lambda it: it.token(exp="soon"),
    "exp infinite": lambda it: it.token(exp=float("inf")),
    "exp a list": lambda it: it.token(exp=[NOW]),
    "not yet": lambda it: it.token(nbf=int(time.time()) + 600),
    "made in the future": lambda it: it.token(iat=int(time.time()) + 600),
    "another audience": lambda it: it.token(aud="api://other"),
    "no audience": lambda it: it.token(aud=None),
    "empty audience": lambda it: it.token(aud=[]),
    "audience an object": lambda it: it.token(aud={"a": AUDIENCE}),
    "audience with a slash": lambda it: it.token(aud=f"{AUDIENCE}/"),
    "another issuer": lambda it: it.token(iss="https://evil.example/v2.0"),
    "issuer with a slash": lambda it: it.token(iss=f"{it.issuer}/"),
    "no issuer": lambda it: it.token(iss=None),
    "issuer a list": lambda it: by_hand({"alg": "RS256", "kid": "one"}, it.claims(iss=[it.issuer])),
    "other claims": lambda it: tampered(it, preferred_username="admin"),
    "longer life": lambda it: tampered(it, exp=int(time.time()) + 10**6),
    "signature cut": lambda it: it.token()[:-10],
    "no signature": lambda it: it.token().rpartition(".")[0] + ".",
    "claims no object": lambda it: by_hand({"alg": "RS256", "kid": "one"}, [1, 2]),
    "claims no JSON": lambda it: by_hand({"alg": "RS256", "kid": "one"}, b"{{"),
    "header no JSON": lambda it: f"{encoded(b'nothing')}.{encoded(it.claims())}.c2ln",
    "header no base64": lambda it: f"!!!!.{encoded(it.claims())}.c2ln",
    "two dots": lambda it: "..",
    "huge": lambda it: it.token(more="x" * 12_000),
    "deep": lambda it: by_hand({"alg": "RS256", "kid": "one"}, b"[" * 5000),
    "unknown user": lambda it: it.token(preferred_username="nobody"),
    "user with NUL": lambda it: it.token(preferred_username="reader\0"),
    "user a number": lambda it: it.token(preferred_username=1),
    "user in capitals": lambda it: it.token(preferred_username="READER"),
    "no user": lambda it: it.token(preferred_username=None),
}


@pytest.mark.parametrize("about", HOSTILE)
def test_hostile_tokens_are_refused(issuer: Issuer, admin: User, about: str) -> None:
    who(issuer.token())  # the keys are known
    begun = issuer.fetches

    answer = Browser(headers={"host": "testserver"}).get("/api.rsc/", headers={"authorization": f"Bearer {HOSTILE[about](issuer)}"})

    if about == "huge":
        assert answer.status_code == 431 and refused(HOSTILE[about](issuer)).status == 401
        return
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "Unauthorized")
    assert not re.search(r"\b(admin|reader|nobody)\b", answer.content.decode())
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert issuer.fetches == begun  # a minute must pass first


def test_without_issuers_no_jwt_is_taken(db: None, running: Issuer) -> None:
    options.save({"jwt": []})
    stamp.forget()

    assert refused(running.token()).status == 401


def test_wrong_jwts_make_nobody_wait(issuer: Issuer) -> None:
    for number in range(210):
        assert refused(by_hand({"alg": "none"}, {"n": number})).status == 401

    assert who(issuer.token()).name == "reader"


def test_a_user_who_is_off_is_nobody(issuer: Issuer, reader: User) -> None:
    token = issuer.token()
    before = who(token).name

    services.save_user(reader, is_active=False, who="test")
    stamp.forget()

    assert (before, refused(token).status) == ("reader", 401)


@pytest.mark.django_db(transaction=True)
def test_a_known_token_is_not_verified_again(issuer: Issuer, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    token = issuer.token()
    who(token)
    monkeypatch.setattr(jwt, "decode", None)

    with django_assert_num_queries(0):
        again = who(token)

    assert again.name == "reader"
    assert again.expires is not None and again.expires.timestamp() == pytest.approx(time.time() + 660, abs=60)


def test_keys_are_fetched_once_and_for_an_unknown_one_at_most_once_a_minute(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = issuer.fetches
    for _ in range(3):
        who(issuer.token())
        CACHE._principals.clear()
    first = issuer.fetches - begun
    issuer.keys["new"] = rsa.generate_private_key(65537, 2048)
    issuer.listed = ["one", "new"]
    early = refused(issuer.token("new")).status
    moment = time.monotonic()
    monkeypatch.setattr(keys.time, "monotonic", lambda: moment + 61)

    late = who(issuer.token("new")).name

    assert (first, early, late, issuer.fetches - begun) == (1, 401, "reader", 2)


def test_known_keys_serve_through_an_outage_and_unknown_ones_are_a_503(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    issuer.is_down = True
    cold = refused(issuer.token())
    keys.KNOWN.clear()
    issuer.is_down = False
    who(issuer.token())
    issuer.is_down = True
    CACHE._principals.clear()
    moment = time.monotonic()
    monkeypatch.setattr(keys.time, "monotonic", lambda: moment + 7200)

    warm = who(issuer.token(jti="another"))

    assert (cold.status, cold.headers["Retry-After"], warm.name) == (503, "5", "reader")


def test_a_key_that_the_issuer_took_back_ends(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    who(issuer.token())
    issuer.listed = ["curve"]
    moment = time.monotonic()
    monkeypatch.setattr(keys.time, "monotonic", lambda: moment + 3601)

    assert refused(issuer.token(jti="another")).status == 401


def test_private_addresses_are_not_called_without_leave(issuer: Issuer) -> None:
    options.save({"outgoing": {"allow": []}})
    stamp.forget()
    begun = len(issuer.calls)

    assert (refused(issuer.token()).status, len(issuer.calls)) == (503, begun)


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "login.example.com"},
        {"issuer": ""},
        {"audience": []},
        {"audience": ""},
        {"algorithms": ["HS256"]},
        {"algorithms": ["none"]},
        {"algorithms": []},
        {"claims": []},
        {"claims": ["a b"]},
        {"leeway_seconds": 301},
        {"leeway_seconds": True},
        {"tenants": [TENANT]},
        {"issuer": "https://login.example.com/{tenantid}/v2.0"},
        {"scopes": {"a": "read"}},
        {"scope_claim": "scp", "scopes": {"a": "everything"}},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "https://user@login.example.com/keys"},
        {"audiences": ["x"]},
        {"users": ["x"]},
    ],
)
def test_settings_that_are_none_are_refused_with_their_place(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"server\.jwt\[0\]"):
        issuers([{"issuer": "https://login.example.com/v2.0", "audience": AUDIENCE, **wrong}], "server.jwt")
