"""A wire to a real server on loopback that can be cut, or fall silent, at the moment that a test names."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

Act = Callable[[], None]


class Wire:
    """Carries bytes both ways; `on_sent` sees what goes to the server before it goes on, `on_told` what comes back."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.on_sent: Callable[[bytes], None] = lambda data: None
        self.on_told: Callable[[bytes], None] = lambda data: None
        self.is_deaf = False  # what the server says is no longer passed on
        self._pairs: list[tuple[socket.socket, socket.socket]] = []

    def __enter__(self) -> Wire:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listening.close()
        self.cut()

    def cut(self) -> None:
        """End every connection."""
        for pair in self._pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
        self._pairs.clear()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near = self._listening.accept()[0]
                far = socket.create_connection(self.target)
                self._pairs.append((near, far))
                threading.Thread(target=self._carry, args=(near, far, True), daemon=True).start()
                threading.Thread(target=self._carry, args=(far, near, False), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, is_sent: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                (self.on_sent if is_sent else self.on_told)(data)
                if is_sent or not self.is_deaf:
                    sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
