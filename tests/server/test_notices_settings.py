"""Settings of notifications: in the file, and on their page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.test import Client
from django.utils import timezone

from apiserver.server import configuration, notices
from apiserver.server import notification_settings as settings
from apiserver.server.configuration_protocol import ConfigurationError
from apiserver.server.configuration_secrets import ByVariable
from apiserver.server.models import NoticeDelivery, NotificationSettings
from tests.server.mail import Mailbox, give, mailbox, plain, receiver, smtp, tell
from tests.triggers.receiver import Receiver
from users.models import User

__all__ = ["mailbox", "plain", "receiver"]


# ---- the file ----


def applied(data: Any, *, prune: bool = False) -> list[str]:
    return configuration.apply({"notifications": data}, now=timezone.now(), prune=prune).updated


FILE = {
    "smtp": {"host": "mail.example.com", "user": "api", "password": "hunter2", "from": "api@example.com"},
    "to": ["desk@example.com"],
    True: "all",  # what YAML 1.1 makes of the key on
    "webhooks": [{"url": "https://hooks.example.com/x?key=1"}],
}


def test_a_file_applies_once_and_its_export_is_the_same(db: None) -> None:
    assert (applied(FILE), applied(FILE)) == (["notifications"], [])
    exported = settings.NotificationsSection().export(ByVariable())

    assert exported["smtp"] == {
        "host": "mail.example.com",
        "port": 587,
        "tls": "starttls",
        "from": "api@example.com",
        "user": "api",
        "password": {"env": "APISERVER_SECRET_NOTIFICATIONS_SMTP_PASSWORD"},
    }
    assert exported["webhooks"][0]["url"] == {"env": "APISERVER_SECRET_NOTIFICATIONS_WEBHOOK1_URL"} and exported["on"] == "all"
    stored = json.dumps(NotificationSettings.objects.get().values)
    assert ("hunter2" in stored, "key=1" in stored, "whsec" in stored) == (False, False, False)


def test_pruning_without_a_word_ends_it(db: None) -> None:
    applied(FILE)

    configuration.apply({"notifications": {}}, now=timezone.now(), prune=True)

    assert settings.NotificationsSection().export(ByVariable()) is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"smpt": {}}, "notifications.smpt is not known; the nearest is smtp"),
        ({"smtp": {"host": "a b", "from": "a@example.com"}}, "smtp.host must be the name of a mail server"),
        ({"smtp": {"host": "mail.example.com", "from": "nobody"}}, "smtp.from must be an e-mail address"),
        ({"smtp": {"host": "mail.example.com", "from": "a@example.com", "tls": "ssl"}}, "there is no 'ssl'"),
        ({"smtp": {"host": "mail.example.com", "from": "a@example.com", "port": 0}}, "between 1 and 65535"),
        ({"smtp": {"host": "m.example.com", "from": "a@example.com", "tls": "none", "user": "u", "password": "p"}}, "only under TLS"),
        ({"smtp": {"host": "m.example.com", "from": "a@example.com", "password": "p"}}, "needs notifications.smtp.user"),
        ({"to": ["a@example.com"]}, "needs notifications.smtp"),
        ({"to": ["a@example.com\nBcc: b@example.com"]}, "must be an e-mail address"),
        ({"contract": "sometimes"}, "there is no 'sometimes'"),
        ({"webhooks": ["ftp://example.com"]}, "https://"),
        ({"webhooks": [{"url": "https://example.com", "secret": "short"}]}, "must be whsec_"),
        ([], "must be a mapping"),
    ],
)
def test_what_is_wrong_with_the_file_is_told(db: None, data: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        applied(data)

    assert said in str(told.value)


def test_secrets_are_sealed_anew(receiver: Receiver) -> None:
    give(webhooks=[receiver.url()])
    tell()
    row = NotificationSettings.objects.get()

    assert (settings.reseal(), notices.reseal()) == (0, 0)
    assert row.values["webhooks"][0]["url"] != receiver.url()


# ---- the page ----


@pytest.fixture
def admin(db: None) -> Client:
    client = Client(headers={"host": "testserver"})
    client.force_login(User.objects.create_user("ada", "a long pass phrase", role="admin"))
    return client


PAGE = "/console/settings/notifications"
FORM = {"smtp_host": "mail.example.com", "smtp_tls": "starttls", "smtp_from": "api@example.com", "to": "a@example.com", "contract": "all"}


def test_the_page_stores_and_never_shows_a_password_again(admin: Client) -> None:
    admin.post(PAGE, {**FORM, "smtp_user": "api", "smtp_password": "hunter2"})
    admin.post(PAGE, {**FORM, "smtp_user": "api", "contract": "breaking", "on": "all"})

    page = admin.get(PAGE).content.decode()

    found = settings.revealed()
    assert (found["smtp"]["password"], found["contract"], found["on"], found["to"], "hunter2" in page) == (
        "hunter2",
        "breaking",
        "all",
        ["a@example.com"],
        False,
    )


def test_a_secret_that_was_made_is_shown_once(admin: Client) -> None:
    made = admin.post(PAGE, {"smtp_tls": "starttls", "contract": "all", "webhook_url": "https://hooks.example.com/x"})
    secret = settings.revealed()["webhooks"][0]["secret"]

    assert (secret in made.content.decode(), made["Cache-Control"], secret in admin.get(PAGE).content.decode()) == (True, "no-store", False)
    admin.post(PAGE, {"smtp_tls": "starttls", "contract": "all", "webhooks": ["0"]})
    assert settings.revealed()["webhooks"] == []


def test_what_is_wrong_is_said_in_the_page(admin: Client) -> None:
    answer = admin.post(PAGE, {**FORM, "smtp_from": "nobody"})

    assert (answer.status_code, "must be an e-mail address" in answer.content.decode()) == (422, True)


def test_send_test_tells_what_came_of_it(admin: Client, receiver: Receiver, plain: Controller, mailbox: Mailbox) -> None:
    mailbox.answer = "554 no"
    give(webhooks=[receiver.url()], smtp=smtp(plain.port), to=["a@example.com"], contract="never")

    page = admin.post(f"{PAGE}/test", follow=True).content.decode()

    assert (f"127.0.0.1:{receiver.port}: taken." in page, "refused the e-mail (554)" in page) == (True, True)
    assert sorted(NoticeDelivery.objects.values_list("kind", "state")) == [("email", "failed"), ("webhook", "done")]


def test_a_test_without_anybody_says_what_to_do(admin: Client) -> None:
    assert "Nobody is told yet" in admin.post(f"{PAGE}/test", follow=True).content.decode()


def test_the_page_is_for_administrators(db: None) -> None:
    client = Client(headers={"host": "testserver"})
    client.force_login(User.objects.create_user("olga", "a long pass phrase", role="operator"))

    assert [client.get(PAGE).status_code, client.post(f"{PAGE}/test").status_code] == [403, 403]
