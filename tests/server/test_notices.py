"""Notifications: e-mails through a real mail server, signed webhooks, tries, what is told when a contract changes."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from django.utils import timezone

from apiserver.server import notices, notifying, options, stamp
from apiserver.server.certificates import self_signed
from apiserver.server.models import Notice, NoticeDelivery
from tests.server.mail import SECRET, Mailbox, give, mail_server, mailbox, plain, receiver, send, smtp, tell
from tests.triggers.receiver import Receiver

__all__ = ["mailbox", "plain", "receiver"]


def signed_in(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    is_right = (data.login, data.password) == (b"api", b"right")
    return AuthResult(success=is_right, handled=is_right)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("mail"), "127.0.0.1", timezone.now())


@pytest.fixture
def guarded(mailbox: Mailbox, certificate: tuple[Path, Path]) -> Iterator[Controller]:
    """A mail server that wants STARTTLS and a password."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    yield from mail_server(mailbox, tls_context=context, require_starttls=True, authenticator=signed_in, auth_required=True)


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
