"""Differences between two definitions as Markdown, as lines of a terminal, and as one JSON line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from apiserver.powerplatform.contract_findings import BREAKING, LEVELS, SAFE, TEXT, Finding, level_of
from apiserver.server.markdown import escaped

HEADINGS = {BREAKING: "Breaking changes", SAFE: "Safe changes", TEXT: "Texts"}
SUMMARIES = {
    BREAKING: "Flows and apps that use the old definition break.",
    SAFE: "Whatever uses the old definition goes on working.",
    TEXT: "Only titles and descriptions differ; the contract is the same.",
    "": "The contract is the same.",
}
MOST_TOLD = 500  # of one level; the rest is counted


def markdown(findings: Sequence[Finding], title: str) -> str:
    """Return a page: heading, one sentence, then a list for each level, operation by operation."""
    lines = [f"# {escaped(title)}", "", SUMMARIES[level_of(findings)]]
    for level in LEVELS:
        listed = [item for item in findings if item.level == level]
        if listed:
            lines += ["", f"## {HEADINGS[level]} ({len(listed)})", ""]
            lines += [f"- {line}" for line in marked(listed[:MOST_TOLD])]
            lines += [f"- and {len(listed) - MOST_TOLD} more"] if len(listed) > MOST_TOLD else []
    return "\n".join(lines) + "\n"


def marked(findings: Sequence[Finding]) -> Iterator[str]:
    """Return each finding as one line of Markdown; what to do is said once."""
    known: set[str] = set()
    for item in findings:
        advice = "" if item.advice() in known else item.advice()
        known.add(advice)
        where = f"**{escaped(item.title)}** (`{item.operation.replace('`', '')}`): " if item.operation else ""
        yield f"{where}{escaped(item.said())} {escaped(advice)}".rstrip()


def lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Return what a terminal shows: level, operation, sentence, what to do."""
    for level in LEVELS:
        for item in findings:
            if item.level == level:
                where = f"{item.operation}: " if item.operation else ""
                yield " ".join(f"{level:8} {where}{item.said()} {item.advice()}".split("\n")).rstrip()
    yield SUMMARIES[level_of(findings)]


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return `{"level": "breaking" | "safe" | "text" | "none", "breaking": [...], "safe": [...], "text": [...]}` with sentences."""
    found: dict[str, Any] = {"level": level_of(findings) or "none"}
    return found | {level: [told(item) for item in findings if item.level == level] for level in LEVELS}


def told(item: Finding) -> dict[str, Any]:
    """Return one finding with its sentence and what to do."""
    return {**item.stored(), "message": item.said(), "advice": item.advice()}
