"""Who listens to calls to remote services: the queries under way. Connections lend `hear` in their Context; engine and writers listen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from connections.contract.context import Call

MOST_SHOWN = 20  # calls of one query, the rest is added up
LONGEST = 300  # characters of an address


@dataclass(slots=True)
class Heard:
    """The calls of one query: the first ones, and a sum of all others."""

    calls: list[Call] = field(default_factory=list)
    others: int = 0
    seconds: float = 0.0  # of the others
    size: int = 0
    retries: int = 0

    def take(self, call: Call) -> None:
        """Take note of a call."""
        if len(self.calls) < MOST_SHOWN:
            self.calls.append(call)
            return
        self.others += 1
        self.seconds, self.size, self.retries = self.seconds + call.seconds, self.size + call.size, self.retries + call.retries

    def lines(self) -> tuple[str, ...]:
        """Return the calls for people."""
        shown = [line_of(call) for call in self.calls]
        if self.others:
            said = f"{self.others} more calls: {took(self.seconds, self.size, self.retries)}"
            shown.append(said)
        return tuple(shown)


def line_of(call: Call) -> str:
    """Return a call in one line: method, address, status or what went wrong, time, bytes, repetitions."""
    address = call.address if len(call.address) <= LONGEST else call.address[:LONGEST] + "..."
    outcome = str(call.status) if call.status else call.error or "no answer"
    return f"{call.method} {address} -> {outcome}, {took(call.seconds, call.size, call.retries)}"


def took(seconds: float, size: int, retries: int) -> str:
    """Return time, bytes and repetitions."""
    text = f"{round(seconds * 1000)} ms, {size} bytes"
    return f"{text}, repeated {retries} times" if retries > 1 else f"{text}, repeated once" if retries else text


_LISTENERS: ContextVar[tuple[Heard, ...]] = ContextVar("listeners", default=())


@contextmanager
def listening(heard: Heard) -> Iterator[None]:
    """Hear the calls that are made meanwhile; whoever listened before hears them too."""
    token = _LISTENERS.set((*_LISTENERS.get(), heard))
    try:
        yield
    finally:
        _LISTENERS.reset(token)


def hear(call: Call) -> None:
    """Tell a call to those who listen."""
    for heard in _LISTENERS.get():
        heard.take(call)
