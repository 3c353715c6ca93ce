"""No valid authtoken, no answer but 401; no header talks the address check round; CORS is exactly the setting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.small import EVERY, small
from tests.hostile import access
from tests.hostile.wire import Sent, Wires
from tests.served import Served, publish


def configuration(folder: Path) -> dict[str, object]:
    """Publish a small table to one user; one page of another site may read, one proxy is listed."""
    found = small(
        folder, cors={"enabled": True, "allow_origins": [access.ORIGIN], "allow_credentials": True}, trusted_proxies=["127.0.0.3"]
    )
    people = {name: {"role": "admin", "privileges": EVERY, "authtoken": token} for name, token in USERS.items()}
    return {**found, "users": people}


USERS = {access.USER: access.TOKEN, "boss": "boss-token-of-access-0123456789"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("access")
    server = publish(configuration(folder), folder / "data")
    yield server
    server.dismiss()


def test_no_valid_token_no_answer(own_wires: Wires) -> None:
    bad = access.bad_credentials()

    assert len({one.about for one in bad}) >= 60
    assert access.admitted(own_wires, bad) == []
    print(f"{len(bad) * len(access.ENDPOINTS) * len(access.METHODS)} attempts with {len(bad)} credentials, all bad: 0 admitted")
    assert own_wires.exchange(Sent(b"/api.rsc/items(1)", headers=(("x-cdata-authtoken", access.TOKEN),))).status == 200


def test_forwarded_headers_do_not_talk_the_address_round(served: Served) -> None:
    stranger, proxy = Wires(served.base, "127.0.0.2"), Wires(served.base, "127.0.0.3")

    assert access.forged(stranger) == []
    assert access.chained(proxy) == []
    print(f"{len(access.FORWARDED) * len(access.ADDRESSES) * 5} attempts to forge an address: 0 passed")
    assert (
        proxy.exchange(Sent(b"/api.rsc/items", headers=(("X-Forwarded-For", "127.0.0.1"), ("x-cdata-authtoken", access.TOKEN)))).status
        == 200
    )
    stranger.close()
    proxy.close()


def test_pages_of_other_sites_read_nothing(own_wires: Wires) -> None:
    token = ("x-cdata-authtoken", access.TOKEN)

    assert access.allowed_origins(own_wires) == []
    print(f"{len(access.ORIGINS) * 12} attempts from {len(access.ORIGINS)} origins, all hostile: 0 allowed")
    answer = own_wires.exchange(Sent(b"/api.rsc/items", headers=(("Origin", access.ORIGIN), token)))
    assert answer.headers["access-control-allow-origin"] == access.ORIGIN
