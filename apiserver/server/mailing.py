"""E-mails through the mail server of the settings (RFC 5321, STARTTLS of RFC 3207, implicit TLS of RFC 8314)."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from apiserver.server.notification_settings import STARTTLS, TLS

SECONDS = 15.0


class MailError(Exception):
    """An e-mail was not taken; the text says why and may be shown."""


def message(smtp: Mapping[str, Any], to: Sequence[str], subject: str, text: str, *, message_id: str, now: datetime) -> EmailMessage:
    """Return an e-mail; a repeated one has the same id, by which mailboxes know it."""
    found = EmailMessage()
    found["From"] = smtp["from"]
    found["To"] = ", ".join(to)
    found["Subject"] = subject
    found["Date"] = format_datetime(now)
    found["Message-ID"] = f"<{message_id}@{smtp['from'].rpartition('@')[2]}>"
    found["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    found.set_content(text)
    return found


def send(smtp: Mapping[str, Any], mail: EmailMessage) -> str:
    """Send an e-mail; return which recipients were refused, "" for none. Raise MailError when nobody has it."""
    try:
        with opened(smtp) as server:
            if smtp.get("user"):
                server.login(smtp["user"], smtp.get("password", ""))
            refused = server.send_message(mail)
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise MailError(reason(error, smtp)) from error
    return f"The mail server refused {', '.join(refused)}." if refused else ""


def opened(smtp: Mapping[str, Any]) -> smtplib.SMTP:
    """Return a connection to the mail server, under TLS where the settings say so."""
    context = ssl.create_default_context(cadata=smtp.get("authority") or None)
    if smtp["tls"] == TLS:
        return smtplib.SMTP_SSL(smtp["host"], smtp["port"], timeout=SECONDS, context=context)
    server = smtplib.SMTP(smtp["host"], smtp["port"], timeout=SECONDS)
    if smtp["tls"] == STARTTLS:
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


def reason(error: Exception, smtp: Mapping[str, Any]) -> str:
    """Return what is wrong in one sentence; nothing that the server says is repeated but its code."""
    host = smtp["host"]
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"The mail server {host} refused user and password ({error.smtp_code})."
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"The mail server {host} refused every recipient."
    if isinstance(error, smtplib.SMTPSenderRefused):
        return f"The mail server {host} refused the sender ({error.smtp_code})."
    if isinstance(error, smtplib.SMTPResponseException):
        return f"The mail server {host} refused the e-mail ({error.smtp_code})."
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return f"The mail server {host} does not offer what the settings ask for: TLS, or signing in."
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of the mail server {host} can't be trusted: {error.verify_message}."
    if isinstance(error, ssl.SSLError):
        return f"The mail server {host} does not agree on TLS: check port and tls."
    if isinstance(error, TimeoutError):
        return f"The mail server {host} did not answer within {SECONDS:g} s."
    if isinstance(error, smtplib.SMTPException):
        return f"The mail server {host} broke off."
    return f"The mail server {host} can't be reached."
