"""A line of a database's catalog as a column of the contract."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from connections.connectors.dbapi.rules import Rules, base_of, unwrapped
from connections.contract.table import Column, Type

TIMES = frozenset({Type.TIME, Type.TIMESTAMP})
SIZES = re.compile(r"\((\s*\d+(?:\s*,\s*-?\d+)?)[^)]*\)")
YES = frozenset({"yes", "y", "true", "1", "always", "by default"})


def column_of(rules: Rules, line: Sequence[Any], ordinal: int) -> Column:
    """Return a column; sizes that stand in the type's text count where the catalog has no numbers for them."""
    name, native, nullable, length, precision, scale, default, generated, comment = line
    native = str(native)
    base = base_of(native)
    sizes = [int(size) for found in SIZES.findall(unwrapped(native))[:1] for size in found.split(",")]
    kind = rules.types.get(base, Type.STRING)
    digits, behind = decimals(kind, precision, scale, sizes)
    if kind is Type.DECIMAL and base in rules.narrow and behind == 0 and digits is not None and digits <= 18:
        kind = Type.INT32 if digits <= 9 else Type.INT64
    return Column(
        name=str(name),
        type=kind,
        is_nullable=is_yes(nullable),
        max_length=length_of(kind, length, sizes),
        precision=digits if kind is Type.DECIMAL else places(kind, scale, sizes),
        scale=behind if kind is Type.DECIMAL else None,
        is_json=base in rules.json,
        has_zone=kind is Type.TIMESTAMP and base in rules.zoned,
        is_generated=is_yes(generated),
        has_default=default not in (None, ""),
        native_type=native,
        comment=str(comment or ""),
        ordinal=ordinal,
    )


def is_yes(value: Any) -> bool:
    """Claim that the catalog says yes, in any of its words."""
    return str(value).strip().lower() in YES


def decimals(kind: Type, precision: Any, scale: Any, sizes: Sequence[int]) -> tuple[int | None, int | None]:
    """Return digits, and digits behind the point; None = as many as may be."""
    if kind is not Type.DECIMAL:
        return None, None
    if precision is not None:
        return int(precision), None if scale is None else int(scale)
    return (sizes[0], sizes[1] if len(sizes) > 1 else 0) if sizes else (None, None)


def places(kind: Type, scale: Any, sizes: Sequence[int]) -> int | None:
    """Return the fractional digits of seconds."""
    if kind not in TIMES:
        return None
    return sizes[0] if sizes else None if scale is None else int(scale)


def length_of(kind: Type, length: Any, sizes: Sequence[int]) -> int | None:
    """Return the most characters or bytes; None where there is no bound worth telling."""
    if kind not in (Type.STRING, Type.BINARY):
        return None
    found = int(length) if length is not None else sizes[0] if sizes else 0
    return found if 0 < found < 2**24 else None
