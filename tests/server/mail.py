"""A mail server, a receiver of webhooks, and the settings that name them."""

from __future__ import annotations

import email
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.utils import timezone

from apiserver.server import notices, notifying, options, stamp
from apiserver.server import notification_settings as settings
from apiserver.server.models import Notice, NoticeDelivery
from tests.servers import free_port
from tests.triggers.receiver import Receiver, receiving

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
