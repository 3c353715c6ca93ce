"""Databases behind an SSH server."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from typing import Any

import paramiko
import pytest

from connections.contract.errors import AuthenticationFailed, ConnectionFailed, InvalidProperties
from tests.connectors.conftest import Source, rows_of
from tests.connectors.ssh_server import SshServer


@pytest.fixture(scope="module")
def key() -> paramiko.PKey:
    return paramiko.ECDSAKey.generate()


@pytest.fixture
def jump(key: paramiko.PKey) -> Iterator[SshServer]:
    server = SshServer(key)
    yield server
    server.stop()


def through(jump: SshServer, **changed: Any) -> dict[str, Any]:
    return {
        "UseSSH": True,
        "SSHServer": "127.0.0.1",
        "SSHPort": jump.port,
        "SSHUser": "jump",
        "SSHPassword": "right",
        "SSHServerFingerprint": jump.fingerprint,
        **changed,
    }


@pytest.mark.parametrize("source", ["postgresql", "mysql"], indirect=True)
def test_database_is_reached_through_the_tunnel(source: Source, jump: SshServer) -> None:
    session = source.opened(**through(jump))

    assert rows_of(session, "SELECT 1") == [(1,)]
    assert jump.connections == 1
    jump.drop()
    assert rows_of(session, "SELECT 1") == [(1,)]
    session.close()


@pytest.mark.parametrize("source", ["postgresql"], indirect=True)
def test_steps_name_the_ssh_server(source: Source, jump: SshServer) -> None:
    steps = source.connector.test(source.properties(**through(jump)))

    assert [(step.name, step.ok) for step in steps] == [("resolve", True), ("connect", True), ("sign_in", True), ("list_tables", True)]
    assert str(jump.port) in steps[1].message


@pytest.mark.parametrize("source", ["postgresql"], indirect=True)
def test_private_key_signs_in(source: Source, jump: SshServer, key: Any) -> None:
    text = io.StringIO()
    key.write_private_key(text)
    session = source.opened(**through(jump, SSHAuthMode="Public_Key", SSHClientCert=text.getvalue(), SSHPassword=""))

    assert rows_of(session, "SELECT 1") == [(1,)]
    session.close()


@pytest.mark.parametrize("source", ["postgresql"], indirect=True)
def test_wrong_host_key_is_refused_before_the_password_is_sent(source: Source, jump: SshServer) -> None:
    session = source.opened(**through(jump, SSHServerFingerprint="SHA256:" + "A" * 43))

    with pytest.raises(ConnectionFailed, match="SSHServerFingerprint") as caught:
        session.list_tables()

    assert jump.fingerprint in caught.value.hint
    session.close()


@pytest.mark.parametrize("source", ["postgresql"], indirect=True)
def test_wrong_password_is_refused(source: Source, jump: SshServer) -> None:
    session = source.opened(**through(jump, SSHPassword="wrong"))

    with pytest.raises(AuthenticationFailed, match="SSH"):
        session.list_tables()
    session.close()


@pytest.mark.parametrize("source", ["postgresql"], indirect=True)
def test_fingerprint_is_required_unless_switched_off(source: Source, jump: SshServer) -> None:
    with pytest.raises(InvalidProperties) as caught:
        source.properties(**through(jump, SSHServerFingerprint=""))
    session = source.opened(**through(jump, SSHServerFingerprint="", SSHTrustAnyServer=True))

    assert list(caught.value.errors) == ["SSHServerFingerprint"]
    assert rows_of(session, "SELECT 1") == [(1,)]
    session.close()


@pytest.mark.parametrize("source", ["postgresql"], indirect=True)
def test_closed_session_leaves_no_thread(source: Source, jump: SshServer) -> None:
    before = set(threading.enumerate())
    session = source.opened(**through(jump))
    session.list_tables()
    started = [thread for thread in set(threading.enumerate()) - before if thread.name == "ssh-tunnel"]

    session.close()
    for thread in started:
        thread.join(2)

    assert [thread.is_alive() for thread in started] == [False]
