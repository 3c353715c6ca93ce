"""Grants as they are kept: sealed in the database, and for the moment between answer and commit in a sealed file beside it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import OperationalError, connection, transaction
from django.utils import timezone

from apiserver.server.errors import NotReady, answering
from connections import vault
from connections.contract.context import OAuthService
from connections.models import OAuthGrant
from connections.oauth.calls import Granted
from connections.oauth.lock import folder

logger = logging.getLogger(__name__)
SEEDS = ("OAuthRefreshToken", "OAuthAccessToken", "OAuthVerifier")
MARGIN = timedelta(seconds=60)


def client_of(service: OAuthService) -> str:
    """Return the fingerprint of the client that a grant is good for."""
    return digest("\n".join((service.flow, service.client_id, service.token_url)))


def seed_of(values: Mapping[str, Any]) -> str:
    """Return the fingerprint of the tokens that the properties hold; '' for none."""
    given = [str(values.get(name) or "") for name in SEEDS]
    return digest("\n".join(given)) if any(given) else ""


def digest(text: str) -> str:
    """Return a fingerprint that does not lead back to the text."""
    return hashlib.sha256(text.encode()).hexdigest()


def load(connection_id: int) -> OAuthGrant | None:
    """Return the grant as the database has it now."""
    with answering():
        grant = OAuthGrant.objects.filter(connection_id=connection_id).first()
    if grant is not None and is_held():
        overlay(grant)
    return grant


def is_held() -> bool:
    """Claim that the caller is within a transaction: what is stored now may be taken back, what the service gave can't be."""
    blocks = connection.atomic_blocks
    return bool(blocks) and not getattr(blocks[-1], "_from_testcase", False)


def overlay(grant: OAuthGrant) -> None:
    """Give a grant what waits in the data directory until the transaction has ended."""
    found = left_behind(grant.connection_id)
    if found is not None and (found["grant"], found["version"]) == (grant.pk, grant.version):
        for name, value in fields_of(granted_in(found), now=datetime.fromisoformat(found["at"])).items():
            setattr(grant, name, value)


def access_of(grant: OAuthGrant | None) -> str:
    """Return the access token; '' for none."""
    return vault.reveal(grant.access) if grant and grant.access else ""


def refresh_of(grant: OAuthGrant) -> str:
    """Return the refresh token; '' for none."""
    return vault.reveal(grant.refresh) if grant.refresh else ""


def good_until(grant: OAuthGrant, *, margin: timedelta = MARGIN) -> datetime | None:
    """Return when the access token should be renewed; None = not before the service refuses it. Short lives have short margins."""
    if grant.expires is None:
        return None
    return grant.expires - min(margin, (grant.expires - grant.refreshed) / 2)


def fields_of(granted: Granted, *, now: datetime) -> dict[str, Any]:
    """Return what is stored of tokens that just came. A service that gives no new refresh token goes on taking the old one."""
    found: dict[str, Any] = {
        "access": vault.seal(granted.access),
        "expires": None if granted.seconds is None else now + timedelta(seconds=granted.seconds),
        "refreshed": now,
        "began": None,
        "problem": "",
    }
    if granted.refresh:
        found["refresh"] = vault.seal(granted.refresh)
    if granted.scopes:
        found["scopes"] = list(granted.scopes)
    if granted.account:
        found["account"] = granted.account
    return found


def begin(grant: OAuthGrant, *, now: datetime) -> None:
    """Write down that the refresh token is about to be used."""
    with answering():
        OAuthGrant.objects.filter(pk=grant.pk, version=grant.version).update(began=now)


def change(grant: OAuthGrant, fields: Mapping[str, Any]) -> bool:
    """Store the next version, and commit it unless the caller has a transaction open; False when another was stored meanwhile."""
    with transaction.atomic(durable=not is_held()):
        own = OAuthGrant.objects.filter(pk=grant.pk, version=grant.version)
        return own.update(**fields, version=grant.version + 1) == 1


def keep(grant: OAuthGrant, granted: Granted) -> None:
    """Store what came: first in a file, which nothing holds up, then in the database; one of both is enough."""
    now, path = timezone.now(), None
    try:
        path = write_ahead(grant, granted, now=now)
    except OSError as error:
        logger.error("The data directory takes no file: %s", error.strerror)
    if path is not None and is_held():
        return  # the next caller outside stores it
    try:
        change(grant, fields_of(granted, now=now))
    except OperationalError as error:
        if path is None:
            raise NotReady from error
        logger.warning("New tokens of connection %s wait in the data directory: the product's own database is busy", grant.connection_id)
        return
    if path is not None:
        path.unlink(missing_ok=True)


def ahead_of(connection_id: int) -> Path:
    """Return where an answer lies that is not in the database yet."""
    return Path(folder(), f"{connection_id}.answer")


def write_ahead(grant: OAuthGrant, granted: Granted, *, now: datetime) -> Path:
    """Put the answer on the disk, sealed, whole or not at all."""
    path = ahead_of(grant.connection_id)
    text = json.dumps({"grant": grant.pk, "version": grant.version, "at": now.isoformat(), "granted": asdict(granted)})
    draft = path.with_suffix(".new")
    draft.touch(mode=0o600)
    with draft.open("w", encoding="ascii") as file:
        file.write(vault.seal(text))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return path


def recover(connection_id: int) -> None:
    """Store an answer that a process left behind when it ended; whoever calls holds the refresh alone."""
    left = None if is_held() else left_behind(connection_id)
    if left is None:
        return
    grant = OAuthGrant.objects.filter(pk=left["grant"], version=left["version"]).first()
    with answering():
        if grant is not None:
            change(grant, fields_of(granted_in(left), now=datetime.fromisoformat(left["at"])))
    ahead_of(connection_id).unlink()


def left_behind(connection_id: int) -> dict[str, Any] | None:
    """Return the answer that waits in the data directory; one that can't be read is taken away."""
    path = ahead_of(connection_id)
    if not path.exists():
        return None
    try:
        found: dict[str, Any] = json.loads(vault.reveal(path.read_text(encoding="ascii")))
    except (vault.VaultError, ValueError) as error:
        logger.error("An answer of an OAuth service can't be read any more: %s", error)
        path.unlink()
        return None
    return found


def granted_in(left: Mapping[str, Any]) -> Granted:
    """Return the tokens of an answer that was left behind."""
    return Granted(**{**left["granted"], "scopes": tuple(left["granted"]["scopes"])})


def put(connection_id: int, service: OAuthService, granted: Granted, *, seed: str, now: datetime) -> OAuthGrant:
    """Store a grant that somebody just gave; it takes the place of an older one."""
    before = OAuthGrant.objects.filter(connection_id=connection_id).values_list("version", flat=True).first() or 0
    blank = {"refresh": "", "scopes": list(service.scopes), "account": "", "tried": None, "connected": now}
    fields = {**blank, **fields_of(granted, now=now), "client": client_of(service), "seed": seed, "version": before + 1}
    grant, _ = OAuthGrant.objects.update_or_create(connection_id=connection_id, defaults=fields)
    return grant


def reseal() -> int:
    """Seal every token with the first key; return how many were sealed with another."""
    count = 0
    for grant in OAuthGrant.objects.select_for_update():
        old = [name for name in ("access", "refresh") if getattr(grant, name) and not vault.is_current(getattr(grant, name))]
        if old:
            fields = {name: vault.rotate(getattr(grant, name)) for name in old}
            count += len(old) * OAuthGrant.objects.filter(pk=grant.pk, version=grant.version).update(**fields)
    return count
