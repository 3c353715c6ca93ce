"""One opened session for each kind of database; certificates and servers that only these tests need."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from apiserver.odata import deadline
from connections.connectors.registry import get_connector
from connections.connectors.sql.session import SqlSession
from connections.contract.table import Column, Table, TableRef
from tests import databases, servers
from tests.databases import Database


@pytest.fixture(autouse=True)
def no_request_under_way() -> None:
    """Sessions are asked here without a request: what another test's request left of its time does not count."""
    deadline.lift()


@dataclass
class Source:
    """A fresh database and our session to it."""

    database: Database
    session: SqlSession

    @property
    def kind(self) -> str:
        return self.database.kind

    @property
    def connector(self) -> Any:
        return get_connector(self.kind)

    def properties(self, **changed: Any) -> dict[str, Any]:
        return self.connector.clean({**self.database.connection["properties"], **changed})

    def opened(self, *, read_only: bool = False, **changed: Any) -> SqlSession:
        return self.connector.open(self.properties(**changed), read_only=read_only)

    def table(self, name: str) -> Table:
        ref = next(info.ref for info in self.session.list_tables() if info.ref.name == name)
        return self.session.describe([ref])[0]

    def name(self, ref: TableRef) -> str:
        """Return the table as it stands in a statement."""
        return ".".join(sql_name(self.session, part) for part in (ref.schema, ref.name) if part)


def sql_name(session: SqlSession, name: str) -> str:
    """Return a quoted name as it stands in a statement."""
    found = session.dialect.quote(name)
    return found.replace("%", "%%") if session.dialect.doubles_percent else found


def bound(session: SqlSession, column: Column) -> str:
    return session.dialect.bind(column).format(session.dialect.bind_mark)


def read(session: SqlSession, column: Column) -> str:
    text = session.dialect.select(column).format(session.dialect.quote(column.name))
    return text.replace("%", "%%") if session.dialect.doubles_percent else text


def out(session: SqlSession, column: Column, value: Any) -> Any:
    encode = session.dialect.encode(column)
    return value if value is None or encode is None else encode(value)


def back(session: SqlSession, column: Column, value: Any) -> Any:
    decode = session.dialect.decode(column)
    return value if value is None or decode is None else decode(value)


def rows_of(session: SqlSession, sql: str, binds: tuple[Any, ...] = (), **options: Any) -> list[tuple[Any, ...]]:
    result = session.query(sql, binds, **options)
    try:
        return [tuple(row) for batch in result.batches for row in batch]
    finally:
        result.close()


@pytest.fixture(params=databases.KINDS)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    """A fresh database of each kind."""
    database = databases.make(request.param, "connectors_test", request, tmp_path)
    connector = get_connector(request.param)
    session = connector.open(connector.clean(database.connection["properties"]))
    yield Source(database, session)
    session.close()


@dataclass(frozen=True)
class Certificates:
    """An authority, and the certificate of 127.0.0.1 that it signed, as PEM."""

    authority: str
    certificate: str
    key: str


def certificate_of(name: str, key: Any, issuer: str, issuer_key: Any, *, is_authority: bool) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    ours, theirs = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    encoding = serialization.Encoding.PEM
    authority = certificate_of("test authority", ours, "test authority", ours, is_authority=True)
    server = certificate_of("127.0.0.1", theirs, "test authority", ours, is_authority=False)
    key = theirs.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Certificates(authority.public_bytes(encoding).decode(), server.public_bytes(encoding).decode(), key.decode())


@pytest.fixture(scope="session")
def tls_postgres(certificates: Certificates) -> Iterator[servers.Server]:
    """A PostgreSQL of our own that speaks TLS, asks for passwords, and that tests may stop and start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("APISERVER_TEST_POSTGRES", raising=False)
        server = servers.postgres()
    try:
        enable_tls(server, certificates)
        yield server
    finally:
        server.remove()


def enable_tls(server: servers.Server, certificates: Certificates) -> None:
    """Make a running PostgreSQL speak TLS and demand it, with a password, of the user `guarded`."""
    assert server.folder is not None
    data = server.folder / "data"
    write_owned(data / "server.crt", certificates.certificate)
    write_owned(data / "server.key", certificates.key)
    with psycopg.connect(host=server.host, port=server.port, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
        connection.execute("CREATE DATABASE guarded OWNER guarded")
        connection.execute("ALTER SYSTEM SET ssl = on")
        rules = data / "pg_hba.conf"
        rules.write_text("hostssl all guarded 127.0.0.1/32 scram-sha-256\nhost all guarded 127.0.0.1/32 reject\n" + rules.read_text())
        connection.execute("SELECT pg_reload_conf()")


def write_owned(path: Path, text: str) -> None:
    """Write a file that only the owner of its folder can read: servers refuse other keys."""
    path.write_text(text)
    path.chmod(0o600)
    owner = path.parent.stat()
    os.chown(path, owner.st_uid, owner.st_gid)


@pytest.fixture(scope="session")
def tls_mariadb(certificates: Certificates) -> Iterator[servers.Server]:
    """A MariaDB of our own that speaks TLS."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("APISERVER_TEST_MARIADB", raising=False)
        server = servers.mariadb()
    try:
        assert server.folder is not None
        for name, text in (("ca", certificates.authority), ("cert", certificates.certificate), ("key", certificates.key)):
            write_owned(server.folder / f"{name}.pem", text)
            server.command.append(f"--ssl-{name}={server.folder}/{name}.pem")
        server.stop()
        server.start()
        yield server
    finally:
        server.remove()
