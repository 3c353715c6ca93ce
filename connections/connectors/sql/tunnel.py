"""A local port that leads through an SSH server to the database (paramiko), opened on first use and reopened when it broke."""

from __future__ import annotations

import base64
import hashlib
import io
import select
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import paramiko

from connections.contract.errors import AuthenticationFailed, ConnectionFailed


class Tunnel:
    """Forwards connections of a loopback port; one SSH transport for all of them."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._lock = threading.Lock()
        self._transport: paramiko.Transport | None = None
        self._listener: socket.socket | None = None

    def address(self) -> tuple[str, int]:
        """Return host and port to connect to instead of the database's."""
        with self._lock:
            if self._transport is None or not self._transport.is_active():
                self._transport = self._connect()
            if self._listener is None:
                self._listener = socket.create_server(("127.0.0.1", 0))
                threading.Thread(target=self._accept, args=(self._listener,), daemon=True, name="ssh-tunnel").start()
            host, port = self._listener.getsockname()[:2]
            return str(host), int(port)

    def close(self) -> None:
        """Stop listening and leave the SSH server."""
        with self._lock:
            if self._listener:
                with suppress(OSError):  # where this is not allowed, close() alone ends the waiting thread
                    self._listener.shutdown(socket.SHUT_RDWR)
                self._listener.close()
            if self._transport:
                self._transport.close()
            self._listener = self._transport = None

    def _connect(self) -> paramiko.Transport:
        values = self._values
        host, port, timeout = values.get("SSHServer") or "", int(values.get("SSHPort") or 22), values["ConnectTimeout"]
        try:
            transport = paramiko.Transport(socket.create_connection((host, port), timeout))
            transport.start_client(timeout=timeout)
        except (OSError, paramiko.SSHException) as error:
            raise ConnectionFailed(f"The SSH server {host}:{port} can't be reached.", hint="Check SSHServer and SSHPort.") from error
        try:
            self._check_host(transport)
            self._sign_in(transport)
        except BaseException:
            transport.close()
            raise
        transport.set_keepalive(30)
        return transport

    def _check_host(self, transport: paramiko.Transport) -> None:
        if self._values.get("SSHTrustAnyServer"):
            return
        digest = hashlib.sha256(transport.get_remote_server_key().asbytes()).digest()
        found = "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
        if found != str(self._values.get("SSHServerFingerprint") or "").strip().rstrip("="):
            hint = f"If you know that this is your server, set SSHServerFingerprint to {found}"
            raise ConnectionFailed("The SSH server's key does not match SSHServerFingerprint.", hint=hint)

    def _sign_in(self, transport: paramiko.Transport) -> None:
        values = self._values
        try:
            if values.get("SSHAuthMode") == "Public_Key":
                transport.auth_publickey(values.get("SSHUser") or "", private_key(values.get("SSHClientCert") or ""))
            else:
                transport.auth_password(values.get("SSHUser") or "", values.get("SSHPassword") or "")
        except paramiko.AuthenticationException as error:
            raise AuthenticationFailed("The SSH server refused the sign-in.", hint="Check SSHUser and its password or key.") from error
        except paramiko.SSHException as error:
            raise ConnectionFailed("The SSH server broke off the sign-in.", hint="Check SSHAuthMode.") from error

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                local, peer = listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._forward, args=(local, peer), daemon=True, name="ssh-forward").start()

    def _forward(self, local: socket.socket, peer: tuple[str, int]) -> None:
        transport = self._transport
        try:
            if transport is None:
                return
            remote = transport.open_channel("direct-tcpip", (self._values["Server"], self._values["Port"]), peer, timeout=10)
            pump(local, remote)
        except (OSError, paramiko.SSHException):
            return  # the database driver sees its connection end and says so
        finally:
            local.close()


def pump(local: socket.socket, remote: paramiko.Channel) -> None:
    """Copy bytes both ways until one side ends."""
    with remote:
        while True:
            readable, _, _ = select.select([local, remote], [], [])
            for source, sink in ((local, remote), (remote, local)):
                if source in readable:
                    data = source.recv(65536)
                    if not data:
                        return
                    sink.sendall(data)


def private_key(text: str) -> paramiko.PKey:
    """Return the key of a PEM or OpenSSH text."""
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            key: paramiko.PKey = kind.from_private_key(io.StringIO(text))
        except paramiko.SSHException:
            continue
        return key
    raise AuthenticationFailed(
        "SSHClientCert is no private key that can be read.", hint="Paste an Ed25519, ECDSA or RSA key without passphrase."
    )
