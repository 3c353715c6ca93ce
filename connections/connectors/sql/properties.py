"""Properties that the SQL connectors share."""

from __future__ import annotations

from connections.contract.property import Property, auth_scheme

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

TIMEOUT = Property(
    "Timeout", "Statement timeout (s)", kind="integer", default=30, minimum=1, maximum=3600, group="Advanced", is_advanced=True
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
    TIMEOUT,
    Property("ConnectTimeout", "Connect timeout (s)", kind="integer", default=5, minimum=1, maximum=60, group="Advanced", is_advanced=True),
    Property("MaxConnections", "Most connections", kind="integer", default=10, minimum=1, maximum=100, group="Advanced", is_advanced=True),
)


def address(port: int, *, port_help: str = "") -> tuple[Property, ...]:
    """Return where a server is."""
    return (
        Property("Server", default="localhost", is_required=True, help="Host name or address of the database server."),
        Property("Port", kind="integer", default=port, minimum=1, maximum=65535, help=port_help),
    )


def password(user: str | None = None) -> tuple[Property, ...]:
    """Return how a server is signed in at that knows passwords alone; `user` is who nobody named."""
    return (
        auth_scheme("Password"),
        Property("User", default=user, group="Authentication"),
        Property("Password", is_secret=True, group="Authentication"),
    )


def server_properties(port: int) -> tuple[Property, ...]:
    """Return the basic properties of a database server."""
    return (
        *address(port),
        Property("Database", help="Empty: the user's default database."),
        *password(),
        *TLS,
        *SSH,
        *TUNING,
    )
