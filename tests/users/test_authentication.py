"""Who asks: every way to bring an authtoken, every way to be refused."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apiserver.server import options, stamp
from users import tokens
from users.authentication import authenticate, split_path_token
from users.errors import AccessDenied
from users.models import Group, User

UNKNOWN = "A" * 43


def asked(query: str = "", address: str = "127.0.0.1", **headers: str) -> HttpRequest:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return RequestFactory().get(f"/api.rsc/{'?' if query else ''}{query}", headers=sent, REMOTE_ADDR=address)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def refused(request: HttpRequest, path_token: str | None = None) -> AccessDenied:
    with pytest.raises(AccessDenied) as caught:
        authenticate(request, path_token)
    return caught.value


def test_authenticate_takes_the_token_from_each_header(reader: User, reader_token: str) -> None:
    requests = [
        asked(x_cdata_authtoken=reader_token),
        asked(Authorization=f"Bearer {reader_token}"),
        asked(Authorization=f"bearer {reader_token}"),
        asked(Authorization=basic("reader", reader_token)),
        asked(Authorization=f"Bearer {reader_token}", x_cdata_authtoken=reader_token),
    ]

    assert [authenticate(request).name for request in requests] == ["reader"] * 5


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_cdata_authtoken": ""},
        {"x_cdata_authtoken": UNKNOWN},
        {"x_cdata_authtoken": "' OR 1=1 --"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic ???"},
        {"Authorization": "Basic /w=="},
        {"Authorization": "Digest username=x"},
    ],
)
def test_authenticate_refuses_with_401_and_says_how_to_sign_in(headers: dict[str, str]) -> None:
    error = refused(asked(**headers))

    assert error.status == 401
    assert error.headers["WWW-Authenticate"].startswith("Basic")


def test_basic_needs_the_tokens_own_user(reader_token: str) -> None:
    assert refused(asked(Authorization=basic("somebody", reader_token))).status == 401


def test_two_different_tokens_are_refused(reader_token: str) -> None:
    options.save({"allow_authtoken_in_url": True})

    assert refused(asked(Authorization=f"Bearer {UNKNOWN}", x_cdata_authtoken=reader_token)).status == 401
    assert refused(asked(f"@authtoken={reader_token}&%40authtoken={UNKNOWN}")).status == 401
    assert refused(asked(f"@authtoken={reader_token}"), UNKNOWN).status == 401


def test_token_in_the_url_is_refused_until_the_setting_allows_it(reader_token: str) -> None:
    before = refused(asked(f"@authtoken={reader_token}"))
    in_path = refused(asked(x_cdata_authtoken=reader_token), reader_token)
    options.save({"allow_authtoken_in_url": True})

    assert (before.status, in_path.status) == (401, 401)
    assert "allow_authtoken_in_url" in before.hint
    assert authenticate(asked(f"$top=1&%40AuthToken={reader_token}")).name == "reader"
    assert authenticate(asked(), reader_token).name == "reader"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/@abc/Orders", ("abc", "/Orders")),
        ("%40abc", ("abc", "/")),
        ("/@abc/$oas", ("abc", "/$oas")),
        ("/Orders(1)", (None, "/Orders(1)")),
        ("", (None, "")),
    ],
)
def test_split_path_token(path: str, expected: tuple[str | None, str]) -> None:
    assert split_path_token(path) == expected


def test_revoked_expired_and_inactive_are_refused(reader: User, reader_token: str) -> None:
    request = asked(x_cdata_authtoken=reader_token)
    assert authenticate(request).name == "reader"

    reader.is_active = False
    reader.save()
    stamp.changed()
    inactive = refused(request).status
    reader.is_active = True
    reader.save()
    tokens.revoke(reader.authtokens.get(), now=timezone.now())
    revoked = refused(request).status
    old = tokens.generate(reader, now=timezone.now())
    reader.authtokens.filter(revoked=None).update(expires=timezone.now() - timedelta(seconds=1))

    assert (inactive, revoked, refused(asked(x_cdata_authtoken=old)).status) == (401, 401, 401)


@pytest.mark.django_db(transaction=True)
def test_authenticate_asks_the_database_once(reader_token: str, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    authenticate(asked(x_cdata_authtoken=reader_token))

    with django_assert_num_queries(0):
        authenticate(asked(x_cdata_authtoken=reader_token))


def test_guesser_must_wait_and_others_do_not(reader_token: str) -> None:
    authenticate(asked(x_cdata_authtoken=reader_token, address="10.0.0.1"))
    wrong = [f"{number:030d}" for number in range(205)]

    answers = [refused(asked(x_cdata_authtoken=token, address="10.0.0.2")).status for token in wrong]

    assert answers == [401] * 200 + [429] * 5
    assert authenticate(asked(x_cdata_authtoken=reader_token, address="10.0.0.1")).name == "reader"
    assert refused(asked(x_cdata_authtoken=wrong[0], address="10.0.0.1")).status == 401


def test_client_with_one_stale_token_is_no_guesser() -> None:
    answers = {refused(asked(x_cdata_authtoken=UNKNOWN)).status for _ in range(205)}

    assert answers == {401}


def test_anonymous_is_off_until_turned_on_and_never_forgives_a_bad_token() -> None:
    off = refused(asked()).status
    options.save({"anonymous": True})
    on = authenticate(asked())

    assert (off, on.name, on.privileges) == (401, "anonymous", {"GET"})
    assert refused(asked(x_cdata_authtoken=UNKNOWN)).status == 401


def test_anonymous_has_the_rights_of_its_user() -> None:
    options.save({"anonymous": True})
    user = User.objects.create_user("anonymous", privileges=["GET"], resources={"Orders": {"columns": ["id"]}})
    stamp.changed()
    limited = authenticate(asked())
    user.is_active = False
    user.save()
    stamp.changed()

    assert limited.grants is not None
    assert limited.grants["Orders"].columns == ("id",)
    assert refused(asked()).status == 401


def test_groups_add_rights(reader: User, reader_token: str) -> None:
    reader.groups.add(Group.objects.create(name="sales", privileges=["POST"], resources={"Orders": {}}))
    stamp.changed()

    principal = authenticate(asked(x_cdata_authtoken=reader_token))

    assert principal.privileges == {"GET", "POST"}
    assert set(principal.grants or {}) == {"Orders"}
