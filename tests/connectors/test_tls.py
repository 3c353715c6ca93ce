"""TLS of PostgreSQL against a server of our own: trusted, untrusted, not offered, demanded; restarts of the whole server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connections.connectors.registry import get_connector
from connections.contract.connector import TestStep
from connections.contract.errors import ConnectionFailed, InvalidProperties
from tests.connectors.conftest import Certificates, Source, rows_of
from tests.servers import Server

POSTGRESQL = get_connector("postgresql")


def properties(server: Server, **changed: Any) -> dict[str, Any]:
    return POSTGRESQL.clean(
        {"Server": server.host, "Port": server.port, "User": "guarded", "Password": "right", "ConnectTimeout": 2, **changed}
    )


def outcome(steps: list[TestStep]) -> tuple[str, bool]:
    return steps[-1].name, steps[-1].ok


def test_trusted_certificate_is_named(tls_postgres: Server, certificates: Certificates) -> None:
    steps = POSTGRESQL.test(properties(tls_postgres, UseSSL="Verify", SSLServerCert=certificates.authority))

    assert [(step.name, step.ok) for step in steps] == [(name, True) for name in ("resolve", "connect", "tls", "sign_in", "list_tables")]
    assert "trusted" in steps[2].message


def test_authority_may_be_a_path(tls_postgres: Server, certificates: Certificates, tmp_path: Path) -> None:
    path = tmp_path / "authority.pem"
    path.write_text(certificates.authority)

    assert outcome(POSTGRESQL.test(properties(tls_postgres, UseSSL=True, SSLServerCert=str(path)))) == ("list_tables", True)


def test_unknown_authority_fails_at_tls(tls_postgres: Server) -> None:
    steps = POSTGRESQL.test(properties(tls_postgres, UseSSL="Verify"))

    assert outcome(steps) == ("tls", False)
    assert "SSLServerCert" in steps[-1].hint


def test_any_certificate_is_an_explicit_choice(tls_postgres: Server) -> None:
    assert outcome(POSTGRESQL.test(properties(tls_postgres, UseSSL="TrustAnyCertificate"))) == ("list_tables", True)


def test_wrong_password_fails_at_sign_in_not_at_tls(tls_postgres: Server) -> None:
    steps = POSTGRESQL.test(properties(tls_postgres, UseSSL="TrustAnyCertificate", Password="wrong"))

    assert [(step.name, step.ok) for step in steps[-2:]] == [("tls", True), ("sign_in", False)]
    assert "wrong" not in repr(steps)


def test_server_that_demands_tls_says_so(tls_postgres: Server) -> None:
    steps = POSTGRESQL.test(properties(tls_postgres))

    assert outcome(steps) == ("sign_in", False)
    assert "UseSSL" in steps[-1].hint


@pytest.mark.parametrize("source", ["postgresql"], indirect=True)
def test_server_without_tls_says_so(source: Source) -> None:
    steps = POSTGRESQL.test(source.properties(UseSSL="TrustAnyCertificate"))

    assert outcome(steps) == ("tls", False)
    assert "TLS" in steps[-1].message


@pytest.mark.parametrize("source", ["mysql"], indirect=True)
def test_mysql_without_tls_says_so(source: Source) -> None:
    steps = source.connector.test(source.properties(UseSSL="Verify"))

    assert outcome(steps) == ("tls", False)
    assert "TLS" in steps[-1].message


def test_key_is_required_with_a_client_certificate(tls_postgres: Server, certificates: Certificates) -> None:
    with pytest.raises(InvalidProperties, match="SSLClientKey"):
        properties(tls_postgres, UseSSL="Verify", SSLClientCert=certificates.certificate)


def test_files_of_certificates_go_with_the_session(tls_postgres: Server, certificates: Certificates) -> None:
    before = set(Path("/tmp").glob("apiserver-tls-*"))
    session = POSTGRESQL.open(properties(tls_postgres, UseSSL="Verify", SSLServerCert=certificates.authority))
    session.list_tables()
    during = set(Path("/tmp").glob("apiserver-tls-*")) - before
    session.close()

    assert len(during) == 1
    assert set(Path("/tmp").glob("apiserver-tls-*")) & during == set()


def test_session_survives_a_stop_and_start_of_the_server(tls_postgres: Server) -> None:
    session = POSTGRESQL.open(properties(tls_postgres, UseSSL="TrustAnyCertificate"))
    assert rows_of(session, "SELECT 1") == [(1,)]

    tls_postgres.stop(2)
    with pytest.raises(ConnectionFailed):
        session.query("SELECT 1", ())
    tls_postgres.start()

    assert rows_of(session, "SELECT 1") == [(1,)]
    session.close()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"UseSSL": "Verify", "SSLServerCert": "{authority}"}, ("list_tables", True)),
        ({"UseSSL": "Verify"}, ("tls", False)),
        ({"UseSSL": "TrustAnyCertificate"}, ("list_tables", True)),
        ({"UseSSL": "Verify", "SSLServerCert": "{authority}", "Server": "localhost"}, ("tls", False)),
    ],
)
def test_mysql_checks_certificate_and_name(
    tls_mariadb: Server, certificates: Certificates, changed: dict[str, str], expected: tuple[str, bool]
) -> None:
    connector = get_connector("mysql")
    changed = {name: certificates.authority if text == "{authority}" else text for name, text in changed.items()}
    values = connector.clean({"Server": tls_mariadb.host, "Port": tls_mariadb.port, "User": "root", **changed})

    assert outcome(connector.test(values)) == expected
