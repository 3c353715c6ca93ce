"""Authtokens: made, rotated with overlap, revoked, revealed, sealed anew."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.utils import timezone

from apiserver.server import options
from apiserver.server.models import Audit
from connections import vault
from users import services, tokens
from users.models import Authtoken, Group, User

NOW = timezone.now()


def test_generated_token_is_long_random_and_stored_sealed(reader: User) -> None:
    texts = {tokens.generate(reader, now=NOW) for _ in range(3)}

    assert len(texts) == 3
    assert all(tokens.SHAPE.fullmatch(text) and len(text) == 43 for text in texts)
    stored = "".join(f"{token.sha256}{token.sealed}{token.note}" for token in Authtoken.objects.all())
    assert [text for text in texts if text in stored] == []
    assert {tokens.reveal(token) for token in Authtoken.objects.all()} == texts


@pytest.mark.parametrize("text", ["short", "x" * 21, "x" * 129, "with space in the middle of it", "ümlaut-ümlaut-ümlaut-ümlaut"])
def test_token_of_another_shape_is_refused(reader: User, text: str) -> None:
    with pytest.raises(ValueError):
        tokens.generate(reader, now=NOW, text=text)


@pytest.mark.parametrize(("own", "server", "days"), [(None, 0, None), (None, 30, 30), (7, 30, 7), (0, 30, None)])
def test_token_expires_as_the_user_or_else_the_server_says(reader: User, own: int | None, server: int, days: int | None) -> None:
    options.save({"limits": {"token_days": server}})
    reader.token_days = own

    tokens.generate(reader, now=NOW)

    assert reader.authtokens.get().expires == (NOW + timedelta(days=days) if days else None)


def test_rotate_lets_the_old_token_overlap(reader: User) -> None:
    tokens.generate(reader, now=NOW)

    tokens.rotate(reader, now=NOW, overlap=timedelta(hours=1))

    assert len(tokens.live(reader, now=NOW)) == 2
    assert len(tokens.live(reader, now=NOW + timedelta(hours=1))) == 1


def test_last_use_is_noted_once_a_minute(reader: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "NOTED", {})  # the numbers of other tests' tokens come again
    tokens.generate(reader, now=NOW)
    token = reader.authtokens.get()
    due = [tokens.is_touch_due(token.pk, now=NOW + timedelta(seconds=seconds)) for seconds in (0, 1, 59, 60)]
    tokens.touch(token.pk, now=NOW)

    token.refresh_from_db()
    assert (due, token.last_used) == ([True, False, False, True], NOW)


def test_reveal_is_audited_without_the_token(reader: User) -> None:
    text = services.add_token(reader, now=NOW, who="admin", address="127.0.0.1")

    shown = services.reveal_token(reader.authtokens.get(), who="admin", address="127.0.0.1")

    assert shown == text
    assert list(Audit.objects.order_by("pk").values_list("who", "action", "subject", "address")) == [
        ("admin", "authtoken generated", "reader", "127.0.0.1"),
        ("admin", "authtoken revealed", "reader", "127.0.0.1"),
    ]
    assert text not in str(list(Audit.objects.values()))


def test_last_administrator_stays(admin: User) -> None:
    for change in ({"role": "query"}, {"is_active": False}):
        with pytest.raises(ValidationError):
            services.save_user(admin, who="admin", **change)
        admin.refresh_from_db()
    with pytest.raises(ValidationError):
        services.delete_user(admin, who="admin")

    assert User.objects.filter(role="admin", is_active=True).count() == 1


def test_group_that_alone_confines_somebody_stays(reader: User) -> None:
    group = services.save_group(Group(), who="admin", name="sales", resources={"Orders": {}})
    reader.groups.add(group)

    with pytest.raises(ValidationError, match="reader"):
        services.delete_group(group, who="admin")
    services.save_user(reader, who="admin", resources={})
    services.delete_group(group, who="admin")

    assert not Group.objects.exists()


def test_rotate_keys_seals_anew_while_others_go_on(reader: User) -> None:
    text = tokens.generate(reader, now=NOW)
    running = vault.Ring()  # a process that started before
    running.ciphers, running.first, running.reload = dict(vault.RING.ciphers), vault.RING.first, vault.RING.reload
    out = StringIO()

    call_command("rotate_keys", "--json", stdout=out)

    token = reader.authtokens.get()
    assert json.loads(out.getvalue()) == {"rotated": 1}
    assert vault.is_current(token.sealed)
    key_id = token.sealed.split(":")[1]
    assert key_id not in running.ciphers
    assert running.cipher(key_id) is not None
    assert tokens.reveal(token) == text
