"""Connection properties of OAuth 2.0, as users know them: every connector that signs in by OAuth declares these."""

from __future__ import annotations

from typing import Any

from connections.contract.property import Property

OFF, REFRESH, GETANDREFRESH = "OFF", "REFRESH", "GETANDREFRESH"
CALLBACK_PATH = "/console/connections/oauth/callback"


def oauth_properties(
    shown_when: tuple[str, tuple[Any, ...]] | None = None, client_shown_when: tuple[str, tuple[Any, ...]] | None = None
) -> tuple[Property, ...]:
    """Return the properties; `client_shown_when` is that of id and secret, which client credentials need too."""
    return (*consumer_properties(shown_when, client_shown_when or shown_when), *grant_properties(shown_when))


def consumer_properties(shown_when: tuple[str, tuple[Any, ...]] | None, both: tuple[str, tuple[Any, ...]] | None) -> tuple[Property, ...]:
    """Return what the service knows the consumer by."""
    group = "Authentication"
    return (
        Property(
            "OAuthClientId", "OAuth Client Id", group=group, shown_when=both, help="Key of the consumer that you made at the service."
        ),
        Property("OAuthClientSecret", "OAuth Client Secret", is_secret=True, group=group, shown_when=both, help="Secret of that consumer."),
        Property("Scope", group=group, shown_when=both, help="Rights to ask for, with blanks between them. Empty: what the consumer has."),
        Property(
            "CallbackURL",
            "Callback URL",
            group=group,
            shown_when=shown_when,
            placeholder="http://localhost:33333",
            help="Empty: the address of this server shown above. A port of localhost: this server listens there while you sign in.",
        ),
    )


def grant_properties(shown_when: tuple[str, tuple[Any, ...]] | None) -> tuple[Property, ...]:
    """Return how the tokens come, and tokens brought from elsewhere."""
    return (
        Property(
            "InitiateOAuth",
            "Initiate OAuth",
            kind="choice",
            choices=(GETANDREFRESH, REFRESH, OFF),
            default=GETANDREFRESH,
            group="OAuth",
            is_advanced=True,
            shown_when=shown_when,
            help="GETANDREFRESH: sign in by the button. REFRESH: start from OAuthRefreshToken. OFF: OAuthAccessToken as it is.",
        ),
        Property("OAuthAccessToken", "OAuth Access Token", is_secret=True, group="OAuth", is_advanced=True, shown_when=shown_when),
        Property("OAuthRefreshToken", "OAuth Refresh Token", is_secret=True, group="OAuth", is_advanced=True, shown_when=shown_when),
        Property(
            "OAuthVerifier",
            "OAuth Verifier",
            is_secret=True,
            group="OAuth",
            is_advanced=True,
            shown_when=shown_when,
            help="A code that the service gave for CallbackURL elsewhere; used once. The console asks for it when you sign in by code.",
        ),
    )
