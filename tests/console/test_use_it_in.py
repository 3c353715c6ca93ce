"""Use it in...: who may open it, whose addresses it shows, behind which public address, and what the settings keep out."""

from __future__ import annotations

import pytest
from django.test import Client

from apiserver.resources.models import Resource
from apiserver.resources.services import publish_tables
from apiserver.server import options, stamp
from apiserver.server.models import Audit
from connections.contract.table import TableRef
from connections.models import Connection
from tests.console import NOW
from users.models import User
from users.tokens import generate

TOKEN = "use-it-in-token-0123456789abcdef"


@pytest.fixture
def orders(connection: Connection) -> Resource:
    [found] = publish_tables(connection, [TableRef("", "Orders")], now=NOW)
    return found


@pytest.fixture
def flow(db: None) -> User:
    user = User.objects.create(name="flow", privileges=["GET"])
    generate(user, now=NOW, text=TOKEN)
    return user


def page(resource: Resource, rest: str = "") -> str:
    return f"/console/powerplatform/use/{resource.pk}{rest}"


def test_administrator_begins_with_a_user_whose_programs_can_ask(as_admin: Client, orders: Resource, flow: User) -> None:
    answer = as_admin.get(page(orders))

    assert (answer.context["person"], answer.context["client"]) == (flow, "power-automate")
    assert TOKEN not in answer.content.decode()


@pytest.mark.parametrize(
    ("public", "address"),
    [
        ("https://api.example.com", "https://api.example.com/api.rsc/Orders"),
        ("https://example.com/data/", "https://example.com/data/api.rsc/Orders"),
        ("", "http://testserver:80/api.rsc/Orders"),
    ],
)
def test_addresses_begin_with_the_public_one(as_admin: Client, orders: Resource, flow: User, public: str, address: str) -> None:
    options.save({"public_url": public})
    stamp.forget()

    shown = as_admin.get(page(orders, "?in=curl")).context
    file = as_admin.get(page(orders, "/pbids")).json()

    assert (shown["address"], shown["is_https"]) == (address, public.startswith("https"))
    assert file["connections"][0]["details"]["address"]["url"] == address


def test_settings_that_let_everybody_in_leave_nothing_to_say(as_admin: Client, orders: Resource, flow: User) -> None:
    options.save(
        {
            "public_url": "https://api.example.com",
            "allow_authtoken_in_url": True,
            "trusted_addresses": ["*"],
            "cors": {"enabled": True},
        }
    )
    stamp.forget()

    text = as_admin.get(page(orders)).content.decode()

    assert 'class="note warn"' not in text
    assert "https://api.example.com/api.rsc/@AUTHTOKEN/$oas?resources=Orders" in text


def test_authtokens_that_are_off_in_urls_are_said(as_admin: Client, orders: Resource, flow: User) -> None:
    text, postman = (as_admin.get(page(orders, f"?in={client}")).content.decode() for client in ("power-automate", "postman"))

    assert ("Authtokens in URLs are off" in text, "Import by link" in postman) == (True, False)


def test_operator_sees_what_an_operator_may(as_operator: Client, orders: Resource, flow: User) -> None:
    answer = as_operator.get(page(orders, "?in=curl&user=flow"))
    refused = as_operator.post(page(orders, "/reveal"), {"user": "flow", "in": "curl"})

    assert (answer.context["person"].name, "Reveal" in answer.content.decode(), refused.status_code) == ("olga", False, 403)
    assert not Audit.objects.filter(action="authtoken revealed").exists()


@pytest.mark.parametrize("rest", ["", "/odc", "/postman"])
def test_reader_does_not_come_in(as_reader: Client, orders: Resource, rest: str) -> None:
    answer = as_reader.get(page(orders, rest))

    assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (302, "/console/sign-in")


def test_authtoken_is_shown_once_and_that_is_recorded(as_admin: Client, orders: Resource, flow: User) -> None:
    shown = as_admin.post(page(orders, "/reveal"), {"user": "flow", "in": "power-automate"}, follow=True).content.decode()
    again = as_admin.get(page(orders, "?in=power-automate&user=flow")).content.decode()

    assert (f"/api.rsc/@{TOKEN}/$oas" in shown, TOKEN in again) == (True, False)
    assert [(entry.who, entry.subject) for entry in Audit.objects.filter(action="authtoken revealed")] == [("ada", "flow")]


def test_user_without_an_authtoken_has_none_to_reveal(as_admin: Client, orders: Resource) -> None:
    User.objects.create(name="bare", privileges=["GET"])

    answer = as_admin.get(page(orders, "?user=bare"))
    revealed = as_admin.post(page(orders, "/reveal"), {"user": "bare", "in": "curl"})

    assert ("has no authtoken that works" in answer.content.decode(), revealed.status_code) == (True, 404)


def test_programs_keep_to_what_the_user_may_do(as_admin: Client, orders: Resource, flow: User) -> None:
    seen = [snippet.id for snippet in as_admin.get(page(orders, "?in=python")).context["snippets"]]
    flow.privileges = ["POST"]
    flow.save()
    stamp.changed()
    stamp.forget()
    writes = [snippet.id for snippet in as_admin.get(page(orders, "?in=python&user=flow")).context["snippets"]]

    assert (seen, writes) == (["read", "filter"], ["create"])


def test_names_that_look_like_markup_do_no_harm(as_admin: Client, orders: Resource, flow: User) -> None:
    text = as_admin.get(page(orders, "?in=%3Cscript%3E&user=flow")).content.decode()

    assert "<script>" not in text.replace('<script src="', "")
