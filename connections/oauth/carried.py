"""Grants in the configuration file: they leave only sealed under a passphrase, and come back where nothing newer is stored."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from connections import vault
from connections.models import Connection, OAuthGrant
from connections.oauth.grants import renew_sessions
from connections.oauth.store import access_of, refresh_of

TEXTS = ("client", "seed", "account", "problem")
TIMES = ("expires", "connected", "refreshed")


class GrantUnreadable(ValueError):
    """What stands in the file is no grant."""


def taken_out(connection: Connection) -> str:
    """Return the grant with its tokens as text, to be sealed at once; '' for none."""
    grant = OAuthGrant.objects.filter(connection=connection).first()
    if grant is None:
        return ""
    found: dict[str, Any] = {name: getattr(grant, name) for name in (*TEXTS, "scopes")}
    found |= {name: time.isoformat() if (time := getattr(grant, name)) else None for name in TIMES}
    return json.dumps({**found, "access": access_of(grant), "refresh": refresh_of(grant)})


def brought_back(connection: Connection, text: str) -> bool:
    """Store a grant that was taken out; False when the one that is there is as new."""
    if not text:
        return False
    fields = read(text)
    stored = OAuthGrant.objects.filter(connection=connection).first()
    if stored is not None and stored.refreshed >= fields["refreshed"]:
        return False
    version = stored.version + 1 if stored else 1
    OAuthGrant.objects.update_or_create(connection=connection, defaults={**fields, "version": version, "began": None, "tried": None})
    renew_sessions(connection)
    return True


def read(text: str) -> dict[str, Any]:
    """Return the fields of a grant; raise GrantUnreadable."""
    try:
        given = json.loads(text)
        fields: dict[str, Any] = {name: str(given[name])[:300] for name in TEXTS} | {"scopes": [str(item) for item in given["scopes"]]}
        fields |= {name: datetime.fromisoformat(given[name]) if given[name] else None for name in TIMES}
        fields |= {name: vault.seal(str(given[name])) if given[name] else "" for name in ("access", "refresh")}
    except (ValueError, KeyError, TypeError) as error:
        raise GrantUnreadable("this is no grant that export --passphrase-file wrote") from error
    if fields["connected"] is None or fields["refreshed"] is None or any(time and time.tzinfo is None for time in map(fields.get, TIMES)):
        raise GrantUnreadable("this is no grant that export --passphrase-file wrote")
    return fields
