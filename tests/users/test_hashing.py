"""How passwords are stored: these tests hash quickly, the product does not."""

from __future__ import annotations

from typing import Any

from django.conf import global_settings
from django.contrib.auth.hashers import check_password, make_password

from apiserver import settings as product


def test_product_hashes_passwords_slowly(settings: Any) -> None:
    settings.PASSWORD_HASHERS = getattr(product, "PASSWORD_HASHERS", global_settings.PASSWORD_HASHERS)

    stored = make_password("a long pass phrase")

    algorithm, iterations = stored.split("$")[:2]
    assert algorithm == "pbkdf2_sha256" and int(iterations) >= 600_000
    assert check_password("a long pass phrase", stored) and not check_password("another pass phrase", stored)
