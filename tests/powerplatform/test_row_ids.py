"""Ids of rows: whatever a key holds, its id is plain letters and means that key alone; logical names stay apart."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apiserver.odata.errors import NotFound
from apiserver.powerplatform.row_ids import decoded, key_of, row_id
from apiserver.powerplatform.tabular_names import logical
from apiserver.resources.catalog import PublishedProperty, PublishedResource
from connections.contract.table import Column, TableRef, Type

PROFILE = settings(max_examples=100, derandomize=True, deadline=None, database=None)
VALUES: dict[Type, Any] = {
    Type.STRING: st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    Type.INT64: st.integers(-(2**63), 2**63 - 1),
    Type.DECIMAL: st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9),
    Type.GUID: st.uuids(),
    Type.DATE: st.dates(),
    Type.TIMESTAMP: st.datetimes(timezones=st.just(dt.UTC)),
    Type.TIME: st.times(),
    Type.BOOLEAN: st.booleans(),
}


def resource_of(*types: Type) -> PublishedResource:
    items = tuple(PublishedProperty(f"k{place}", Column(f"k{place}", kind, False), is_key=True) for place, kind in enumerate(types))
    return PublishedResource("R", "r", 1, "c", "sqlite", TableRef("", "r"), items, items, tuple(item.name for item in items))


@PROFILE
@given(st.data(), st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=3))
def test_an_id_means_the_key_that_it_was_made_of(data: Any, types: list[Type]) -> None:
    resource = resource_of(*types)
    key = {f"k{place}": data.draw(VALUES[kind]) for place, kind in enumerate(types)}

    text = row_id(resource, key)

    assert re.fullmatch(r"~[A-Za-z0-9_-]+", text)
    assert key_of(resource, text) == key_of(resource, decoded(text)) == key


@pytest.mark.parametrize("body", [b"[" * 5000, b'"a"', b"1", b"[1]", b"[null]", b"{}", b"\xff", b"", b'["1","2"]'])
def test_an_id_that_somebody_forged_names_no_row(body: bytes) -> None:
    check = hashlib.blake2b(body, digest_size=6).digest()
    text = "~" + base64.urlsafe_b64encode(check + body).decode().rstrip("=")

    with pytest.raises(NotFound):
        key_of(resource_of(Type.INT64), text)


@PROFILE
@given(VALUES[Type.STRING])
def test_a_text_key_is_its_own_id_unless_it_is_one_of_ours(text: str) -> None:
    assert key_of(resource_of(Type.STRING), text) == {"k0": text}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Type.INT64, "-5", -5),
        (Type.DECIMAL, "1.50", Decimal("1.50")),
        (Type.GUID, "0F8FAD5B-d9cb-469f-a165-70867728950e", uuid.UUID("0f8fad5b-d9cb-469f-a165-70867728950e")),
        (Type.DATE, "2024-02-29", dt.date(2024, 2, 29)),
        (Type.TIMESTAMP, "2024-02-29T10:00:00.000Z", dt.datetime(2024, 2, 29, 10, tzinfo=dt.UTC)),
    ],
)
def test_plain_values_are_read_in_the_type_of_the_key(kind: Type, text: str, value: Any) -> None:
    assert key_of(resource_of(kind), text) == {"k0": value}


@pytest.mark.parametrize("text", ["", "x", "1.5", "99999999999999999999", "1,2", "~", "~AAAA", "(1)", "null", "k0=1"])
def test_what_is_no_number_names_no_row(text: str) -> None:
    with pytest.raises(NotFound):
        key_of(resource_of(Type.INT64), text)


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "1,2,3",
        "k0=1",
        "k0=1,k1=2,k2=3",
        "k0=1,k0=2",
        "k0=1,k1='",
        "k0=1,k1=2)/k0",
        "k0=1)/x(k1=2",
        "k0=1,k1=2)/$value(1",
        "k0=1,k1=null",
    ],
)
def test_a_key_of_two_parts_needs_both(text: str) -> None:
    with pytest.raises(NotFound):
        key_of(resource_of(Type.INT64, Type.INT64), text)


@PROFILE
@given(st.lists(st.text(st.characters(categories=["L", "N", "Pc"]) | st.sampled_from("_x0041"), min_size=1, max_size=100), unique=True))
def test_logical_names_are_plain_and_as_many_as_the_names(names: list[str]) -> None:
    found = [logical(name) for name in names]

    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{1,71}", name) for name in found), found
    assert len(set(found)) == len(names)
