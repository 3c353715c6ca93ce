"""Bad settings stop the start-up, each with its id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.core.checks.registry import registry

from apiserver.server import checks, commands


def ids() -> set[str]:
    found: list[CheckMessage] = run_checks()
    return {str(message.id) for message in found if str(message.id).startswith("apiserver.")}


def test_fresh_settings_and_the_code_are_fine() -> None:
    assert run_checks() == []


def test_commands_run_every_check_of_settings() -> None:
    tagged = {check.__name__ for check in registry.get_checks() if "settings" in check.tags}

    assert tagged == {name for name in vars(checks) if name.startswith("check_")}
    assert "settings" not in commands.OF_CODE <= registry.tags_available()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SECRET_KEY", "short", "apiserver.E003"),
        ("REDIS_URL", "amqp://localhost", "apiserver.E004"),
        ("ADMIN_USER", "admin", "apiserver.E006"),
        ("ADMIN_PASSWORD", "secret", "apiserver.E006"),
    ],
)
def test_bad_setting_is_named(settings: Any, name: str, value: str, expected: str) -> None:
    setattr(settings, name, value)

    assert ids() == {expected}


def test_bad_public_url_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APISERVER_PUBLIC_URL", "api.example.com")

    assert ids() == {"apiserver.E005"}


def test_keys_that_others_can_read_are_named(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "secret.key").write_text("x")
    (tmp_path / "secret.key").chmod(0o644)

    assert ids() == {"apiserver.E002"}


def test_settings_cfg_that_makes_no_sense_is_named(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "settings.cfg").write_text("[Application]\nAllowAuthtokenInURL = perhaps")

    assert ids() == {"apiserver.W001"}
