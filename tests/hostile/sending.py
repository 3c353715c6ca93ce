"""Send many requests and hold each answer to the checks; tell what went wrong so that a person can repeat it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from tests.answers import Answer
from tests.hostile.scan import findings
from tests.hostile.wire import Sent

SHOWN = 40


class Transport(Protocol):
    """A way to a server: over connections, or in this process."""

    def exchange_all(self, requests: Iterable[Sent]) -> Iterator[tuple[Sent, Answer]]:
        """Send all; give each with its answer."""


@dataclass
class Report:
    """What a run of requests found."""

    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[tuple[str, Sent, Answer]] = field(default_factory=list)

    def kinds(self) -> set[str]:
        """Return the checks that reported something, by their first word."""
        return {wrong.partition(":")[0] for wrong, _, _ in self.faults}

    def __str__(self) -> str:
        lines = [f"{len(self.faults)} faults in {self.sent} requests; statuses {dict(sorted(self.statuses.items()))}"]
        for wrong, sent, answer in self.faults[:SHOWN]:
            lines.append(f"{wrong}: {sent.method} {sent.target[:160]!r} {sent.about[:80]} -> {answer.status} {answer.body[:200]!r}")
        return "\n".join(lines)


def signed(requests: Iterable[Sent], token: str) -> list[Sent]:
    """Return the requests with an authtoken in front of their own headers."""
    return [replace(sent, headers=(("x-cdata-authtoken", token), *sent.headers)) for sent in requests]


def examine(transport: Transport, requests: Iterable[Sent], insides: Iterable[str] = ()) -> Report:
    """Send all and check each answer."""
    report, words = Report(), tuple(insides)
    for sent, answer in transport.exchange_all(requests):
        report.sent += 1
        report.statuses[answer.status] += 1
        report.faults += [(wrong, sent, answer) for wrong in findings(sent, answer, words)]
    return report
