"""Settings merged: environment over settings.cfg over database over defaults."""

from __future__ import annotations

import os
import time

import pytest

from apiserver.server import options, stamp
from apiserver.server.configuration_protocol import ConfigurationError
from apiserver.server.configuration_server import change_settings
from apiserver.server.models import Audit

pytestmark = pytest.mark.usefixtures("fresh")


def write(text: str) -> None:
    options.settings_file().write_text(text, encoding="utf-8")
    os.utime(options.settings_file(), (time.time(), time.time_ns() / 1e9))


def test_defaults_are_safe() -> None:
    found = options.current()

    assert found.trusted_addresses == ("127.0.0.1", "::1")
    assert (found.allow_authtoken_in_url, found.cors["enabled"], found.anonymous) == (False, False, False)
    assert (found.page_size, found.max_page_size, found.limits) == (1000, 10000, options.LIMITS)


@pytest.mark.parametrize("group", ["outgoing", "cors", "limits", "request_limits"])
def test_group_that_is_stored_in_part_has_its_defaults(group: str) -> None:
    options.save({group: {}})

    assert getattr(options.current(), group) == options.DEFAULTS[group]


@pytest.mark.usefixtures("settings_file")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[Application]\nAllowAuthtokenInURL = true\n", True),
        ("\ufeff[Application]\r\nallowauthtokeninurl=TRUE\r\n", True),
        ("[Application] AllowAuthtokenInURL = true", True),
        ("; comment\n[Other]\nx = 1\n[Application]\nUnknown = 1\nAllowAuthtokenInURL: yes", True),
        ("[Application]\nAllowAuthtokenInURL = false", False),
    ],
)
def test_settings_cfg_stands_over_the_database_and_locks(text: str, expected: bool) -> None:
    options.save({"allow_authtoken_in_url": not expected})
    write(text)

    found = options.current()

    assert (found.allow_authtoken_in_url, found.origins) == (expected, {"allow_authtoken_in_url": "settings.cfg"})
    with pytest.raises(ConfigurationError, match=r"settings\.cfg"):
        change_settings({"allow_authtoken_in_url": False}, who="admin")


@pytest.mark.usefixtures("settings_file")
@pytest.mark.parametrize("text", ["AllowAuthtokenInURL = true", "[Application]\nAllowAuthtokenInURL = perhaps", "[Application\n", "\x00"])
def test_settings_cfg_that_makes_no_sense_counts_as_not_said(text: str) -> None:
    write(text)

    assert options.current().allow_authtoken_in_url is False
    assert len(options.file_problems()) <= 1


@pytest.mark.usefixtures("settings_file")
def test_settings_cfg_is_followed_when_it_changes() -> None:
    write("[Application]\nAllowAuthtokenInURL = true")
    before = options.current().allow_authtoken_in_url
    options.settings_file().unlink()
    time.sleep(stamp.SECONDS + 0.1)

    assert (before, options.current().allow_authtoken_in_url) == (True, False)


def test_environment_stands_over_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    options.save({"public_url": "https://stored.example"})
    monkeypatch.setenv("APISERVER_PUBLIC_URL", "https://given.example/")
    stamp.changed()

    found = options.current()

    assert (found.public_url, found.origins["public_url"]) == ("https://given.example", "APISERVER_PUBLIC_URL")


def test_change_settings_is_audited_once_and_only_when_something_changes() -> None:
    first = change_settings({"page_size": 50}, who="admin", address="127.0.0.1")
    second = change_settings({"page_size": 50}, who="admin")

    assert (first, second) == (True, False)
    assert list(Audit.objects.values_list("who", "action", "address")) == [("admin", "settings changed", "127.0.0.1")]


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("page_size", -1, "0 or more"),
        ("page_size", True, "whole number"),
        ("page_size", "many", "whole number"),
        ("trusted_addresses", ["nonsense"], "nonsense"),
        ("trusted_addresses", "127.0.0.1", "a list"),
        ("public_url", "api.example.com", "https://api.example.com"),
        ("cors", {"allow_origin": ["*"]}, "allow_origins"),
        ("cors", {"allow_origins": ["example.com"]}, "no origin"),
        ("cors", {"allow_methods": ["FETCH"]}, "FETCH"),
        ("limits", {"requests_per_hour": -2}, "-1 or more"),
        ("pagesize", 1, "page_size"),
        ("api", {"contact": {"mail": "x"}}, "email"),
    ],
)
def test_bad_settings_are_named(name: str, value: object, word: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        change_settings({name: value}, who="admin")

    assert name in str(caught.value)
    assert word in str(caught.value)
    assert options.stored() == {}
