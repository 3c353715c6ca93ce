"""Ids of rows as one segment of an address, and the keys that they mean: opaque ones that the server writes, and plain values.

Web servers hand over a path that is decoded once, where `%2F` is a slash like any other: what stands in such an id must not depend on it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from apiserver.odata.errors import InvalidValue, NotFound, ODataError
from apiserver.odata.parser import ODataSyntaxError, parse_path
from apiserver.odata.payload_values import plain_text
from apiserver.odata.resolve import resolve, taken_text
from apiserver.resources.catalog import Catalog, PublishedResource

MARK = "~"  # unreserved (RFC 3986, 2.3), as everything behind it
CHECK_BYTES = 6  # tell an id from a text key that looks like one
ESCAPES = re.compile(r"%[0-9A-Fa-f]{2}")


def row_id(resource: PublishedResource, key: Mapping[str, Any]) -> str:
    """Return the id of a row: letters, digits, `~`, `-` and `_`. `key` = property name -> contract value."""
    texts = [plain_text(resource.by_name[name].column, key[name]) for name in resource.key]
    body = json.dumps(texts, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return MARK + base64.urlsafe_b64encode(_check(body) + body).decode("ascii").rstrip("=")


def key_of(resource: PublishedResource, text: str) -> dict[str, Any]:
    """Return the key (property name -> contract value) that an id means; raise NotFound for what no row can have.

    Taken are the ids of `row_id`, the value of a key of one part, `1,abc` and `Order=1,Line='abc'` of one of several.
    """
    if not resource.key:
        raise NotFound(f"{resource.name} has no key.", target=resource.name, hint="Use $filter to find rows.")
    texts = _opaque(text) or (_named(resource, text) if len(resource.key) > 1 else [text])
    if len(texts) != len(resource.key):
        hint = f"Send the id that the rows carry, or the values of {', '.join(resource.key)}, separated by commas."
        raise NotFound(f"{resource.name} has no row {text[:60]}.", target=resource.name, hint=hint)
    items = [resource.by_name[name] for name in resource.key]
    try:
        return {item.name: taken_text(item, part) for item, part in zip(items, texts, strict=True)}
    except InvalidValue:
        hint = "Send the id that the rows carry, or the value of the key."
        raise NotFound(f"{resource.name} has no row {text[:60]}.", target=resource.name, hint=hint) from None


def decoded(text: str) -> str:
    """Return a segment that its client encoded twice; one that was encoded once is left as it is where that shows."""
    if "%" not in text:
        return text
    if text.count("%") != len(ESCAPES.findall(text)):
        return text
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return text


def _check(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=CHECK_BYTES).digest()


def _opaque(text: str) -> list[str]:
    """Return what an id of ours holds; nothing of any other text."""
    if not text.startswith(MARK):
        return []
    coded = text[len(MARK) :]
    try:
        raw = base64.b64decode(coded + "=" * (-len(coded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return []
    body = raw[CHECK_BYTES:]
    if _check(body) != raw[:CHECK_BYTES]:
        return []
    try:
        found = json.loads(body.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return []
    return found if isinstance(found, list) and all(isinstance(item, str) for item in found) else []


def _named(resource: PublishedResource, text: str) -> list[str]:
    """Return the parts of a key of several, in the order of the key."""
    if not any(text.startswith(f"{name}=") for name in resource.key):
        return text.split(",")
    alone = Catalog({resource.name: resource}, "")
    try:
        target = resolve(alone, parse_path(f"{resource.name}({text})", decoded=True), {})
    except (ODataSyntaxError, ODataError):
        return []
    key = target.last.key or {}
    is_row = len(target.hops) == 1 and target.item is None and not target.suffix
    return [plain_text(resource.by_name[name].column, key[name]) for name in resource.key if name in key] if is_row else []
