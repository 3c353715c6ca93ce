"""An SSH server on loopback that only forwards connections: what a jump host does."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
from contextlib import suppress

import paramiko

from connections.connectors.sql.tunnel import pump


class Guard(paramiko.ServerInterface):
    """Admits one user by password or key."""

    def __init__(self, key: paramiko.PKey) -> None:
        self.key = key
        self.targets: dict[int, tuple[str, int]] = {}

    def get_allowed_auths(self, username: str) -> str:
        return "password,publickey"

    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL if (username, password) == ("jump", "right") else paramiko.AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.AUTH_SUCCESSFUL if key.asbytes() == self.key.asbytes() else paramiko.AUTH_FAILED

    def check_channel_direct_tcpip_request(self, chanid: int, origin: tuple[str, int], destination: tuple[str, int]) -> int:
        self.targets[chanid] = destination
        return paramiko.OPEN_SUCCEEDED


class SshServer:
    """Listens until `stop`."""

    def __init__(self, client_key: paramiko.PKey) -> None:
        self.host_key = paramiko.ECDSAKey.generate()
        self.client_key = client_key
        self.connections = 0
        self.transports: list[paramiko.Transport] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def fingerprint(self) -> str:
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.host_key.asbytes()).digest()).decode().rstrip("=")

    def accept(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer: socket.socket) -> None:
        transport = paramiko.Transport(peer)
        transport.add_server_key(self.host_key)
        guard = Guard(self.client_key)
        with suppress(paramiko.SSHException, EOFError):
            transport.start_server(server=guard)
            self.transports.append(transport)
            while transport.is_active():
                channel = transport.accept(1)
                if channel:
                    self.connections += 1
                    threading.Thread(target=self.forward, args=(channel, guard.targets[channel.chanid]), daemon=True).start()

    def forward(self, channel: paramiko.Channel, target: tuple[str, int]) -> None:
        with suppress(OSError), socket.create_connection(target) as local:
            pump(local, channel)

    def drop(self) -> None:
        """End what is connected; keep listening."""
        for transport in self.transports:
            transport.close()

    def stop(self) -> None:
        self.listener.close()
        self.drop()
