"""Sealing of secrets: one key ring, rotation, no tampering."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connections import vault
from connections.vault import VaultError


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Iterator[vault.Ring]:
    made = vault.Ring()
    monkeypatch.setattr(vault, "RING", made)
    made.configure(["first"])
    yield made


@pytest.mark.parametrize("text", ["", "secret", "パスワード 🔑", "x" * 100_000, "\ud800"])
def test_reveal_returns_what_was_sealed(ring: vault.Ring, text: str) -> None:
    sealed = vault.seal(text)

    assert vault.reveal(sealed) == text
    assert not text or text not in sealed
    assert vault.seal(text) != sealed


def test_every_key_of_the_ring_opens_and_the_first_seals(ring: vault.Ring) -> None:
    old = vault.seal("secret")
    ring.configure(["second", "first"])
    new = vault.seal("secret")

    assert (vault.reveal(old), vault.reveal(new)) == ("secret", "secret")
    assert (vault.is_current(old), vault.is_current(new)) == (False, True)
    ring.configure(["second"])
    with pytest.raises(VaultError, match="APISERVER_ENCRYPTION_KEYS"):
        vault.reveal(old)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s[:-8] + "AAAAAAA=",
        lambda s: s[:10],
        lambda s: "v1:x:y",
        lambda s: "plain",
        lambda s: "",
        lambda s: s + "x",
        lambda s: s + "=",
        lambda s: s[:20] + "*" + s[20:],
    ],
)
def test_changed_secret_is_refused(ring: vault.Ring, change: object) -> None:
    sealed = vault.seal("secret")

    with pytest.raises(VaultError):
        vault.reveal(change(sealed))  # type: ignore[operator]


def test_ring_without_keys_is_refused() -> None:
    with pytest.raises(VaultError):
        vault.Ring().configure(["", ""])


def test_short_secrets_do_not_tell_their_key(ring: vault.Ring) -> None:
    assert "first" not in vault.seal("x")


@pytest.mark.parametrize("body", ["", "***", "QUJD", "A"])
def test_secret_cut_short_is_refused(ring: vault.Ring, body: str) -> None:
    with pytest.raises(VaultError, match="changed"):
        vault.reveal(f"v1:{ring.first}:{body}")


def test_rotate_seals_with_the_first_key_once(ring: vault.Ring) -> None:
    old = vault.seal("secret")
    ring.configure(["second", "first"])

    rotated = vault.rotate(old)

    assert (vault.is_current(rotated), vault.reveal(rotated), vault.rotate(rotated)) == (True, "secret", rotated)


def test_ring_given_new_keys_still_finds_those_that_come_later(ring: vault.Ring) -> None:
    other = vault.Ring()
    other.configure(["later"])
    ring.configure(["first"], reload=lambda: ["later", "second"])

    ring.configure(["second"])

    assert ring.cipher(other.first) is not None
