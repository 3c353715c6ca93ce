"""Results of long work: in pieces in the product's own database, so that any web process can give them, sealed, published at once."""

from __future__ import annotations

import base64
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from apiserver.odata.errors import BadRequest, Gone
from apiserver.powerplatform.long_read_models import LongRead, LongReadPiece
from apiserver.server import options
from apiserver.server.leases import is_held
from connections import vault
from connections.contract.errors import SourceTimeout

LEASE = timedelta(seconds=20)  # prolonged each second
PIECE_BYTES = 1024 * 1024
MEGABYTE = 1024 * 1024
NONCE_BYTES, KEY_BITS, QUICK = 12, 256, 1


class Lost(SourceTimeout):
    """The work is no longer this worker's: it was cancelled, or another worker took it over."""

    def __init__(self) -> None:
        super().__init__("The work was cancelled.")


def new_key() -> str:
    """Return a key for the pieces of one result, sealed: rotating the server's keys seals it anew, not the pieces."""
    return vault.seal(base64.b64encode(AESGCM.generate_key(KEY_BITS)).decode())


def cipher_of(read: LongRead) -> AESGCM:
    """Return what encrypts the pieces."""
    return AESGCM(base64.b64decode(vault.reveal(read.key)))


def name_of(read: LongRead, number: int) -> bytes:
    """Return what a piece is bound to: no other can stand in its place."""
    return f"{read.public_id}/{read.fence}/{number}".encode()


@dataclass(slots=True)
class Sink:
    """Takes the bytes of a result and stores them a piece at a time."""

    read: LongRead
    size: int = 0
    count: int = 0
    _held: list[bytes] = field(default_factory=list)
    _held_bytes: int = 0

    def write(self, data: bytes) -> None:
        """Take some bytes; raise BadRequest when the result is too large, Lost when the work is no longer ours."""
        self.size += len(data)
        check_size(self.size)
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes >= PIECE_BYTES:
            self.store()

    def store(self) -> None:
        """Store what is held."""
        if not self._held:
            return
        nonce = os.urandom(NONCE_BYTES)
        data = zlib.compress(b"".join(self._held), QUICK)
        sealed = nonce + cipher_of(self.read).encrypt(nonce, data, name_of(self.read, self.count))
        with transaction.atomic():
            if not is_held(self.read, lease_until=timezone.now() + LEASE):
                raise Lost()
            LongReadPiece.objects.create(read=self.read, fence=self.read.fence, number=self.count, data=sealed)
        self.count += 1
        self._held, self._held_bytes = [], 0

    def begin_anew(self) -> None:
        """Forget what was taken: something else becomes the result."""
        LongReadPiece.objects.filter(read=self.read, fence=self.read.fence).delete()
        self.size = self.count = self._held_bytes = 0
        self._held = []


def check_size(size: int) -> None:
    """Refuse a result beyond the limit."""
    most = int(options.current().long_reads["megabytes"])
    if size > most * MEGABYTE:
        hint = "Ask for less with $filter, $select or $top, or for pages with Prefer: maxpagesize. "
        hint += "An administrator can raise server.long_reads.megabytes."
        raise BadRequest(f"The result is larger than the limit of {most} MB.", hint=hint)


def publish(sink: Sink, *, status: int, headers: Mapping[str, str], rows: int) -> None:
    """Make what the sink took the result, once; raise Lost when the work is no longer ours."""
    sink.store()
    now = timezone.now()
    held = is_held(
        sink.read,
        state=LongRead.DONE,
        status=status,
        headers=dict(headers),
        rows=rows,
        size=sink.size,
        pieces_count=sink.count,
        finished=now,
        expires=expiry(now),
        lease_until=None,
    )
    if not held:
        raise Lost()
    make_room(sink.read.user_id, now=now)


def expiry(now: datetime) -> datetime:
    """Return until when a result of now is kept."""
    return now + timedelta(minutes=int(options.current().long_reads["keep_minutes"]))


def make_room(user_id: int | None, *, now: datetime) -> None:
    """Let the oldest results of a user go that are beyond what is kept of one."""
    own = LongRead.objects.filter(state=LongRead.DONE, user=user_id)
    left = int(options.current().long_reads["kept_megabytes"]) * MEGABYTE
    if (own.aggregate(all=Sum("size"))["all"] or 0) <= left:
        return
    for number, (pk, size) in enumerate(own.order_by("-finished", "-pk").values_list("pk", "size")):
        left -= size
        if left < 0 and number:  # the newest stays
            drop(LongRead.objects.get(pk=pk))


def drop(read: LongRead) -> None:
    """Let a result go; that it was there is remembered for a day."""
    LongReadPiece.objects.filter(read=read).delete()
    LongRead.objects.filter(pk=read.pk).update(state=LongRead.GONE)


def pieces(read: LongRead) -> Iterator[bytes]:
    """Give the bytes of a result, each piece when it is asked for; raise Gone when it went meanwhile."""
    cipher = cipher_of(read)
    for number in range(read.pieces_count):
        found = LongReadPiece.objects.filter(read=read, fence=read.fence, number=number).values_list("data", flat=True).first()
        if found is None:
            raise Gone("The result is no longer there.", hint="Ask again.")
        data = bytes(found)
        yield zlib.decompress(cipher.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], name_of(read, number)))


def forget_old(*, now: datetime) -> None:
    """Drop results whose time is over, and what is remembered of them after a day."""
    for read in LongRead.objects.filter(state=LongRead.DONE, expires__lt=now):
        drop(read)
    LongRead.objects.filter(state=LongRead.GONE, expires__lt=now - timedelta(days=1)).delete()


def reseal() -> int:
    """Seal every secret with the first key; return how many were sealed with another."""
    count = 0
    for read in LongRead.objects.select_for_update().iterator(chunk_size=500):
        old = [name for name in ("asked", "key") if not vault.is_current(getattr(read, name))]
        for name in old:
            setattr(read, name, vault.rotate(getattr(read, name)))
        if old:
            read.save(update_fields=old)
            count += len(old)
    return count
