"""What services say by webhooks: who signed it, and which tables it is about. Pure; rows are read from the service, never from here."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

TOLERANCE_SECONDS = 300  # of the moment that a signature names, both ways; Stripe's own libraries take as much
LONGEST_NAME = 100


class Unsigned(Exception):
    """The message is not signed with the secret, or was signed too long ago; the text says which."""


@dataclass(frozen=True, slots=True)
class Event:
    """What a message is about: `tables` by their squeezed names, `gone` the id of what was deleted."""

    name: str
    tables: frozenset[str]
    gone: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one service signs and names its events."""

    is_given: bool  # the service makes the secret; else we do
    verify: Callable[[str, Mapping[str, str], bytes, float], None]
    event: Callable[[Mapping[str, str], Any], Event]


def squeezed(name: str) -> str:
    """Return a name by which an object and the table of such objects are the same: payment_intent, PaymentIntents."""
    text = re.sub(r"[^a-z0-9]", "", name.lower())
    return text[:-3] + "y" if text.endswith("ies") else text.removesuffix("s")


def equal(one: str, other: str) -> bool:
    """Compare signatures in constant time, whatever characters were sent."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def verify_stripe(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> None:
    """Raise Unsigned unless one `v1` of Stripe-Signature is right and `t` is near (docs.stripe.com/webhooks, "Verify manually")."""
    pairs = [item.strip().partition("=") for item in headers.get("Stripe-Signature", "").split(",")]
    moments = [value for name, _, value in pairs if name == "t" and value.isascii() and value.isdecimal() and len(value) < 13]
    if len(moments) != 1:
        raise Unsigned("Stripe-Signature is missing or has no moment.")
    content = moments[0].encode() + b"." + body
    right = hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
    if not any([equal(value, right) for name, _, value in pairs if name == "v1"]):  # noqa: C419 - all of them, whichever fits
        raise Unsigned("The signature does not fit. Is the signing secret of this endpoint the one that was entered?")
    if abs(now - int(moments[0])) > TOLERANCE_SECONDS:
        raise Unsigned("It was signed too long ago. Are the clocks right?")


def verify_bitbucket(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> None:
    """Raise Unsigned unless X-Hub-Signature is right (support.atlassian.com, "Manage webhooks", secure webhooks). It names no moment."""
    method, _, value = headers.get("X-Hub-Signature", "").partition("=")
    if method != "sha256" or not equal(value, hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()):
        raise Unsigned("The signature is missing or does not fit. Is the secret of the webhook the one that is shown here?")


def stripe_event(headers: Mapping[str, str], body: Any) -> Event:
    """Return what an event of Stripe is about: `type`, and the object in `data`."""
    found = body if isinstance(body, dict) else {}
    data = found.get("data")
    subject = data.get("object") if isinstance(data, dict) else None
    subject = subject if isinstance(subject, dict) else {}
    name, kind, number = text_of(found.get("type")), text_of(subject.get("object")), text_of(subject.get("id"))
    tables = {squeezed(kind), squeezed(kind.rpartition(".")[2])} - {""}
    return Event(name, frozenset(tables), number if name.endswith(".deleted") else "")


def text_of(value: Any) -> str:
    """Return a text of the message, bounded; what is none is empty."""
    return value[:LONGEST_NAME] if isinstance(value, str) else ""


# What each kind of event of Bitbucket touches; the part before the colon stands for all others of its kind.
BITBUCKET: dict[str, tuple[str, ...]] = {
    "repo:push": ("Commits", "Branches", "Tags", "Refs", "Repositories"),
    "repo:commit_comment_created": ("CommitComments",),
    "repo:commit_status_created": ("CommitStatuses", "PullRequestStatuses", "Pipelines", "PipelineSteps"),
    "repo:commit_status_updated": ("CommitStatuses", "PullRequestStatuses", "Pipelines", "PipelineSteps"),
    "repo:fork": ("Forks", "Repositories"),
    "repo": ("Repositories",),
    "pullrequest": (
        "PullRequests", "PullRequestComments", "PullRequestTasks", "PullRequestActivity", "PullRequestCommits", "PullRequestStatuses",
        "Commits", "Branches", "Refs",
    ),
    "issue": ("Issues", "IssueComments", "IssueChanges", "IssueAttachments"),
    "project": ("Projects",),
}  # fmt: skip


def bitbucket_event(headers: Mapping[str, str], body: Any) -> Event:
    """Return what an event of Bitbucket is about; X-Event-Key names it. What was deleted is found by comparing keys."""
    name = text_of(headers.get("X-Event-Key"))
    tables = BITBUCKET.get(name) or BITBUCKET.get(name.partition(":")[0], ())
    return Event(name, frozenset(squeezed(item) for item in tables))


KINDS = {
    "stripe": Kind(True, verify_stripe, stripe_event),
    "bitbucket": Kind(False, verify_bitbucket, bitbucket_event),
}
