"""What leaves the product: the one HTTP client (client), where it may call (reach, sockets)."""

from connections.outgoing.client import (
    BrokeOff,
    CertificateRefused,
    NoAnswer,
    NoSuchHost,
    Outgoing,
    Reply,
    Settings,
    joined,
    listed_host,
    origin_of,
)
from connections.outgoing.requests_session import requests_session

__all__ = [
    "BrokeOff",
    "CertificateRefused",
    "NoAnswer",
    "NoSuchHost",
    "Outgoing",
    "Reply",
    "Settings",
    "joined",
    "listed_host",
    "origin_of",
    "requests_session",
]
