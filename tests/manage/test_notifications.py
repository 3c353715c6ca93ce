"""Notifications by the management API: secrets stay, are never read, and what was sent is listed."""

from __future__ import annotations

import pytest

from apiserver.server import notification_settings as settings
from apiserver.server import options
from apiserver.server.models import Audit
from tests.manage.conftest import Caller
from tests.triggers.receiver import receiving

URL = "https://hooks.example.com/x?sig=hidden"
SMTP = {"host": "mail.example.com", "user": "api", "password": "hidden", "from": "api@example.com"}


def test_secrets_are_written_never_read_and_stay(admin: Caller) -> None:
    first = admin("PATCH", "/notifications/", {"smtp": SMTP, "to": ["a@example.com"], "webhooks": [{"url": URL}]})
    read = admin("GET", "/notifications/")
    again = admin("PATCH", "/notifications/", read.json() | {"contract": "breaking"}, If_Match=read["ETag"])
    stored = settings.revealed()

    assert (first.status_code, read.status_code, again.status_code) == (200, 200, 200)
    assert list(first.json()["made_secrets"].values()) == [stored["webhooks"][0]["secret"]]
    assert b"hidden" not in read.content + again.content and b"whsec_" not in read.content + again.content
    assert (stored["smtp"]["password"], stored["webhooks"][0]["url"], stored["contract"]) == ("hidden", URL, "breaking")
    assert read.json()["webhooks"][0]["host"] == "hooks.example.com:443"
    assert Audit.objects.filter(subject="notifications", action="settings changed").count() == 2


@pytest.mark.parametrize("changes", [{"host": "evil.example.com"}, {"user": "other"}, {"password": None}])
def test_a_password_goes_to_no_other_server_or_user(admin: Caller, changes: dict[str, str]) -> None:
    admin("PATCH", "/notifications/", {"smtp": SMTP})
    kept = {name: value for name, value in SMTP.items() if name != "password"}

    answer = admin("PATCH", "/notifications/", {"smtp": {**kept, **changes}})

    assert (answer.status_code, "password" in settings.revealed()["smtp"]) == (200, False)


def test_what_is_wrong_is_named_and_changes_nothing(admin: Caller, operator: Caller) -> None:
    bodies = [{"nothing": 1}, {"to": ["no address"]}, {"webhooks": [{"id": "unknown"}]}, {"webhooks": [7]}, {"smtp": [1]}, {"on": "maybe"}]

    answers = [admin("PATCH", "/notifications/", body) for body in bodies]

    assert [answer.status_code for answer in answers] == [422] * len(bodies)
    assert settings.revealed() == settings.DEFAULTS
    assert (operator("GET", "/notifications/").status_code, admin("POST", "/notifications/test/").status_code) == (403, 409)


def test_a_test_is_sent_and_listed(admin: Caller) -> None:
    with receiving() as receiver:
        options.save({"outgoing": {"allow": [f"127.0.0.1:{receiver.port}"]}})
        admin("PATCH", "/notifications/", {"webhooks": [receiver.url()]})

        answer = admin("POST", "/notifications/test/")
        sent = admin("GET", "/notifications/sent/?limit=1").json()

    assert (answer.status_code, answer.json()["results"][0]["taken"], len(receiver.calls)) == (200, True, 1)
    assert (sent["results"][0]["event"], sent["results"][0]["state"], sent["next"]) == ("test", "done", None)
