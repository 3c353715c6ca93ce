"""Properties that the SQL connectors share, and the cleaning of given values by their declarations."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from connections.contract.errors import InvalidProperties
from connections.contract.property import Property

TLS_OFF, TLS_VERIFY, TLS_TRUST_ANY = "Off", "Verify", "TrustAnyCertificate"

TLS = (
    Property(
        "UseSSL",
        "Use SSL (TLS)",
        kind="choice",
        choices=(TLS_OFF, TLS_VERIFY, TLS_TRUST_ANY),
        default=TLS_OFF,
        group="TLS",
        is_advanced=True,
        help="Verify checks the server's certificate. TrustAnyCertificate encrypts but does not know who answers.",
    ),
    Property(
        "SSLServerCert",
        "Trusted authority (PEM)",
        kind="text",
        group="TLS",
        is_advanced=True,
        shown_when=("UseSSL", (TLS_VERIFY,)),
        help="PEM text or path of the authority that signed the server's certificate; empty: the authorities this machine trusts.",
    ),
    Property(
        "SSLClientCert",
        "Client certificate (PEM)",
        kind="text",
        group="TLS",
        is_advanced=True,
        shown_when=("UseSSL", (TLS_VERIFY, TLS_TRUST_ANY)),
    ),
    Property(
        "SSLClientKey",
        "Client key (PEM)",
        kind="text",
        is_secret=True,
        group="TLS",
        is_advanced=True,
        shown_when=("UseSSL", (TLS_VERIFY, TLS_TRUST_ANY)),
    ),
)

SSH = (
    Property(
        "UseSSH",
        "SSH tunnel",
        kind="boolean",
        default=False,
        group="SSH",
        is_advanced=True,
        help="Reach the database through an SSH server.",
    ),
    Property("SSHServer", "SSH server", group="SSH", is_advanced=True, shown_when=("UseSSH", (True,))),
    Property(
        "SSHPort",
        "SSH port",
        kind="integer",
        default=22,
        minimum=1,
        maximum=65535,
        group="SSH",
        is_advanced=True,
        shown_when=("UseSSH", (True,)),
    ),
    Property("SSHUser", "SSH user", group="SSH", is_advanced=True, shown_when=("UseSSH", (True,))),
    Property(
        "SSHAuthMode",
        "SSH authentication",
        kind="choice",
        choices=("Password", "Public_Key"),
        default="Password",
        group="SSH",
        is_advanced=True,
        shown_when=("UseSSH", (True,)),
    ),
    Property("SSHPassword", "SSH password", is_secret=True, group="SSH", is_advanced=True, shown_when=("SSHAuthMode", ("Password",))),
    Property(
        "SSHClientCert",
        "SSH private key",
        kind="text",
        is_secret=True,
        group="SSH",
        is_advanced=True,
        shown_when=("SSHAuthMode", ("Public_Key",)),
    ),
    Property(
        "SSHServerFingerprint",
        "SSH server fingerprint",
        group="SSH",
        is_advanced=True,
        shown_when=("UseSSH", (True,)),
        placeholder="SHA256:...",
        help="As `ssh-keygen -lf` prints it. Without it nobody knows who answers, so it is required.",
    ),
    Property(
        "SSHTrustAnyServer",
        "Trust any SSH server",
        kind="boolean",
        default=False,
        group="SSH",
        is_advanced=True,
        shown_when=("UseSSH", (True,)),
        help="Do without the fingerprint: whoever answers at the address gets user and password.",
    ),
)

TUNING = (
    Property(
        "BrowsableSchemas", "Schemas to show", group="Schema", is_advanced=True, help="Comma-separated; empty: all that the user may read."
    ),
    Property(
        "TimeZone",
        "Time zone",
        default="UTC",
        group="Advanced",
        is_advanced=True,
        help="Zone in which date-times that carry none are read and written.",
    ),
    Property("Timeout", "Statement timeout (s)", kind="integer", default=30, minimum=1, maximum=3600, group="Advanced", is_advanced=True),
    Property("ConnectTimeout", "Connect timeout (s)", kind="integer", default=5, minimum=1, maximum=60, group="Advanced", is_advanced=True),
    Property("MaxConnections", "Most connections", kind="integer", default=10, minimum=1, maximum=100, group="Advanced", is_advanced=True),
)


def server_properties(port: int) -> tuple[Property, ...]:
    """Return the basic properties of a database server."""
    return (
        Property("Server", kind="string", default="localhost", is_required=True, help="Host name or address of the database server."),
        Property("Port", kind="integer", default=port, minimum=1, maximum=65535),
        Property("Database", help="Empty: the user's default database."),
        Property("AuthScheme", "Auth Scheme", kind="choice", choices=("Password",), default="Password", group="Authentication"),
        Property("User", group="Authentication"),
        Property("Password", is_secret=True, group="Authentication"),
        *TLS,
        *SSH,
        *TUNING,
    )


def clean(properties: Sequence[Property], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return typed values with defaults; raise InvalidProperties that names every wrong one."""
    by_name = {item.name: item for item in properties}
    errors: dict[str, str] = {}
    for name in values:
        if name not in by_name:
            nearest = difflib.get_close_matches(name, by_name, 1)
            errors[name] = "no such property" + (f": did you mean {nearest[0]}?" if nearest else f": known are {', '.join(by_name)}")
    found: dict[str, Any] = {}
    for item in properties:
        try:
            found[item.name] = typed(item, values.get(item.name))
        except ValueError as error:
            errors[item.name] = str(error)
    if errors:
        raise InvalidProperties(errors)
    return found


def typed(item: Property, value: Any) -> Any:
    """Return one value in the property's type; raise ValueError with a sentence."""
    if value is None or value == "":
        if item.default is None and item.is_required:
            raise ValueError("a value is required")
        return value if value == "" and item.kind in ("string", "text") and item.default is None else item.default
    if item.kind == "boolean":
        return boolean(value)
    if item.kind == "integer":
        return integer(item, value)
    if not isinstance(value, str | int | float) or isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError("must be text")
    text = str(value)
    if "\0" in text:
        raise ValueError("must not hold a NUL character")
    if item.kind == "choice" and text not in item.choices:
        same = [choice for choice in item.choices if choice.lower() == text.lower()]
        if not same:
            raise ValueError(f"must be one of {', '.join(item.choices)}")
        return same[0]
    return text


def boolean(value: Any) -> bool:
    """Return a switch given as boolean or as a word."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0"):
        return False
    raise ValueError("must be true or false")


def integer(item: Property, value: Any) -> int:
    """Return a whole number within the property's bounds."""
    try:
        number = int(str(value).strip())
    except ValueError:
        raise ValueError("must be a whole number") from None
    if (item.minimum is not None and number < item.minimum) or (item.maximum is not None and number > item.maximum):
        raise ValueError(f"must be between {item.minimum} and {item.maximum}")
    return number
