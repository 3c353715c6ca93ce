"""Notifications: settings, e-mails through a real mail server, signed webhooks, tries, what is told when a contract changes."""

from __future__ import annotations

import email
import json
import socket
import ssl
from collections.abc import Iterator
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from django.test import Client
from django.utils import timezone

from apiserver.server import configuration, notices, notifying, options, stamp
from apiserver.server import notification_settings as settings
from apiserver.server.certificates import self_signed
from apiserver.server.configuration_protocol import ConfigurationError
from apiserver.server.configuration_secrets import ByVariable
from apiserver.server.models import Notice, NoticeDelivery, NotificationSettings
from tests.servers import free_port
from tests.triggers.receiver import Receiver, receiving
from users.models import User

SECRET = "whsec_" + "A" * 43 + "="


class Mailbox:
    """A mail server's handler: keeps what comes, refuses who is to be refused."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refused: set[str] = set()
        self.answer = "250 kept"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answer.startswith("250"):
            self.mails.append(email.message_from_bytes(envelope.content or b"", policy=policy.default))  # type: ignore[arg-type]
        return self.answer


def signed_in(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    is_right = (data.login, data.password) == (b"api", b"right")
    return AuthResult(success=is_right, handled=is_right)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("mail"), "127.0.0.1", timezone.now())


def mail_server(mailbox: Mailbox, **how: Any) -> Iterator[Controller]:
    found = Controller(mailbox, hostname="127.0.0.1", port=free_port(), **how)
    found.start()
    yield found
    found.stop()


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def plain(mailbox: Mailbox) -> Iterator[Controller]:
    yield from mail_server(mailbox)


@pytest.fixture
def guarded(mailbox: Mailbox, certificate: tuple[Path, Path]) -> Iterator[Controller]:
    """A mail server that wants STARTTLS and a password."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    yield from mail_server(mailbox, tls_context=context, require_starttls=True, authenticator=signed_in, auth_required=True)


@pytest.fixture
def receiver(db: None) -> Iterator[Receiver]:
    with receiving() as found:
        options.save({"outgoing": {"allow": [f"http://127.0.0.1:{found.port}"]}})
        stamp.forget()
        yield found


def give(**values: Any) -> None:
    before = settings.revealed()
    settings.store(settings.checked(values, before, before))


def smtp(port: int, **more: Any) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": port, "tls": "none", "from": "api@example.com", **more}


def tell(event: str = "contract.changed", level: str = "breaking") -> Notice | None:
    return notices.post(
        event, subject="Contract\r\nX: 1", text="# Märkte\n\n- one", data={"version": "2.0"}, level=level, now=timezone.now()
    )


def send() -> list[NoticeDelivery]:
    """Send what is due, in this thread; return all deliveries."""
    while (found := notifying.due(timezone.now())) is not None:
        assert notifying.take(found, now=timezone.now(), lease=notifying.LEASE)
        notifying.deliver(found)
    return list(NoticeDelivery.objects.order_by("pk"))


# ---- e-mail ----


def test_an_email_carries_the_text_and_no_header_of_others(db: None, plain: Controller, mailbox: Mailbox) -> None:
    give(smtp=smtp(plain.port), to=["a@example.com", "b@example.com"])
    tell()

    (delivery,) = send()

    (mail,) = mailbox.mails
    assert (mail["Subject"], mail["To"], mail["From"], mail["X"]) == (
        "Contract X: 1",
        "a@example.com, b@example.com",
        "api@example.com",
        None,
    )
    assert (mail.get_content().split(), mail["Auto-Submitted"]) == (["#", "Märkte", "-", "one"], "auto-generated")
    assert (delivery.state, delivery.error, delivery.attempts) == ("done", "", 1)


def test_starttls_with_a_password(db: None, guarded: Controller, mailbox: Mailbox, certificate: tuple[Path, Path]) -> None:
    authority = certificate[0].read_text(encoding="utf-8")
    give(smtp=smtp(guarded.port, tls="starttls", user="api", password="right", authority=authority), to=["a@example.com"])
    tell()

    (delivery,) = send()

    assert (delivery.state, len(mailbox.mails)) == ("done", 1)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"password": "wrong"}, "refused user and password (535)"),
        ({"authority": ""}, "certificate of the mail server 127.0.0.1 can't be trusted"),
        ({"tls": "none"}, "does not offer what the settings ask for"),
        ({"tls": "tls"}, "does not agree on TLS"),
    ],
)
def test_what_is_wrong_with_the_mail_server_is_told(
    db: None, guarded: Controller, certificate: tuple[Path, Path], changes: dict[str, str], said: str
) -> None:
    given = {"tls": "starttls", "user": "api", "password": "right", "authority": certificate[0].read_text(encoding="utf-8"), **changes}
    give(smtp=smtp(guarded.port, **given), to=["a@example.com"])
    tell()

    (delivery,) = send()

    assert (delivery.state, said in delivery.error, "right" in delivery.error) == ("waiting", True, False)
    assert delivery.next_at is not None and timedelta(seconds=40) < delivery.next_at - timezone.now() < timedelta(seconds=80)


def test_a_server_that_is_away_is_told_and_tried_again_until_it_is_there(db: None, mailbox: Mailbox) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        give(smtp=smtp(taken.getsockname()[1]), to=["a@example.com"])
        tell()
        (delivery,) = send()
    assert (delivery.state, delivery.error) == ("waiting", "The mail server 127.0.0.1 can't be reached.")
    (server,) = [next(made) for made in [mail_server(mailbox)]]
    give(smtp=smtp(server.port))
    NoticeDelivery.objects.update(next_at=timezone.now())

    (delivery,) = send()
    server.stop()

    assert (delivery.state, delivery.attempts, mailbox.mails[0]["Message-ID"]) == ("done", 2, f"<{delivery.message_id}@example.com>")


def test_some_recipients_refused_is_told_and_not_repeated(db: None, plain: Controller, mailbox: Mailbox) -> None:
    mailbox.refused = {"b@example.com"}
    give(smtp=smtp(plain.port), to=["a@example.com", "b@example.com"])
    tell()

    (delivery,) = send()

    assert (delivery.state, delivery.error) == ("done", "The mail server refused b@example.com.")


def test_the_last_try_ends_it(db: None, plain: Controller, mailbox: Mailbox) -> None:
    mailbox.answer = "451 busy"
    give(smtp=smtp(plain.port), to=["a@example.com"])
    tell()
    for _ in range(len(notifying.PAUSES) + 1):
        NoticeDelivery.objects.filter(state="waiting").update(next_at=timezone.now())
        (delivery,) = send()

    assert (delivery.state, delivery.attempts, delivery.next_at, "(451)" in delivery.error) == ("failed", 7, None, True)


def test_a_lease_that_ran_out_keeps_the_late_worker_from_writing(db: None, plain: Controller) -> None:
    give(smtp=smtp(plain.port), to=["a@example.com"])
    tell()
    late = notifying.due(timezone.now())
    assert late is not None and notifying.take(late, now=timezone.now() - timedelta(minutes=5), lease=notifying.LEASE)
    send()

    notifying.deliver(late)

    assert NoticeDelivery.objects.get().attempts == 1


# ---- webhooks ----


def test_a_webhook_is_signed_and_says_what_changed(receiver: Receiver) -> None:
    give(webhooks=[{"url": receiver.url(), "secret": SECRET}])
    tell()

    (delivery,) = send()

    (call,) = receiver.calls
    assert (call.is_signed(SECRET), json.loads(call.body)["type"], call.data) == (True, "contract.changed", {"version": "2.0"})
    assert (delivery.state, delivery.shown, "sig=" in delivery.to) == ("done", f"127.0.0.1:{receiver.port}", False)


@pytest.mark.parametrize(("status", "state"), [(500, "waiting"), (404, "waiting"), (410, "failed"), (302, "waiting")])
def test_what_a_receiver_answers_decides(receiver: Receiver, status: int, state: str) -> None:
    receiver.reply = lambda call: (status, {"Location": "http://127.0.0.1:1/"})
    give(webhooks=[receiver.url()])
    tell()

    (delivery,) = send()

    assert (delivery.state, delivery.error) == (state, f"The receiver answered {status}.")


def test_a_private_address_that_is_not_allowed_is_never_called(receiver: Receiver) -> None:
    options.save({"outgoing": {"allow": []}})
    stamp.forget()
    give(webhooks=[receiver.url()])
    tell()

    (delivery,) = send()

    assert (receiver.calls, "outgoing.allow" in delivery.error) == ([], True)


def test_one_taken_out_of_the_settings_is_told_no_more(receiver: Receiver) -> None:
    give(webhooks=[receiver.url()])
    tell()
    give(webhooks=[])

    (delivery,) = send()

    assert (receiver.calls, delivery.state) == ([], "failed")


# ---- who cares ----


@pytest.mark.parametrize(
    ("contract", "level", "count"), [("all", "safe", 1), ("breaking", "safe", 0), ("breaking", "breaking", 1), ("never", "breaking", 0)]
)
def test_only_what_was_asked_for_is_told(receiver: Receiver, contract: str, level: str, count: int) -> None:
    give(webhooks=[receiver.url()], contract=contract)

    tell(level=level)

    assert NoticeDelivery.objects.count() == count


def test_nobody_is_told_where_nobody_is_named(db: None) -> None:
    assert (tell(), Notice.objects.count()) == (None, 0)


def test_old_ones_are_forgotten_and_those_that_wait_are_kept(receiver: Receiver) -> None:
    give(webhooks=[receiver.url()])
    tell()
    send()
    tell()
    Notice.objects.update(created=timezone.now() - timedelta(days=31))

    notices.forget_old(now=timezone.now())

    assert list(Notice.objects.values_list("deliveries__state", flat=True)) == ["waiting"]


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
