"""One difference between two definitions: how much it matters, the sentence that tells it, what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_noop as _

BREAKING, SAFE, TEXT = "breaking", "safe", "text"

VERSION_IT = _("Keep the old operation as it was, marked as deprecated, and publish what is new as a resource of its own.")
ANSWERS = _("Flows and apps that read this have to be changed. Publish the table under a second name to keep both for a while.")
INPUTS = _("Flows and apps that send this have to be changed. Give the column a default in the source, or hide it.")
RECONNECT = _("Existing connections stop working: each has to be made again. Publish the connector under another name instead.")
NONE = ""
UPDATE = _("Update the connector when you want to offer it.")

# Code -> how much it matters, what is told, what to do. %(place)s is the parameter or field.
CODES: dict[str, tuple[str, str, str]] = {
    "OperationDeleted": (BREAKING, _("The operation is gone."), VERSION_IT),
    "OperationRenamed": (BREAKING, _("The operation has another id: %(new)s."), _("Keep the operationId: flows find operations by it.")),
    "PathChanged": (
        BREAKING,
        _("The address changed from %(old)s to %(new)s."),
        _("Update the connector at the same time, or keep the old name."),
    ),
    "MethodChanged": (BREAKING, _("The method changed from %(old)s to %(new)s."), VERSION_IT),
    "TriggerKindChanged": (BREAKING, _("The kind of trigger changed from %(old)s to %(new)s."), VERSION_IT),
    "CallbackMoved": (BREAKING, _("The address to tell is sent in another place."), VERSION_IT),
    "PagingLost": (BREAKING, _("Rows no longer come page by page in the same way."), VERSION_IT),
    "SignInNeeded": (BREAKING, _("The operation needs signing in now."), RECONNECT),
    "ScopeAdded": (BREAKING, _("The operation needs more rights: %(names)s."), RECONNECT),
    "ScopeRemoved": (BREAKING, _("Scopes are gone: %(names)s."), RECONNECT),
    "AuthenticationChanged": (BREAKING, _("Signing in changed from %(old)s to %(new)s."), RECONNECT),
    "ParameterRemoved": (BREAKING, _("The parameter %(place)s is gone."), INPUTS),
    "ParameterMoved": (BREAKING, _("The parameter %(place)s moved from %(old)s to %(new)s."), INPUTS),
    "ParameterBecameRequired": (BREAKING, _("The parameter %(place)s has to be given now."), INPUTS),
    "RequiredParameterAdded": (BREAKING, _("The new parameter %(place)s has to be given."), INPUTS),
    "TypeChanged": (BREAKING, _("The type of %(place)s changed from %(old)s to %(new)s."), ANSWERS),
    "ValuesLimited": (BREAKING, _("%(place)s is limited now: %(names)s."), INPUTS),
    "ValuesRemoved": (BREAKING, _("%(place)s no longer takes: %(names)s."), INPUTS),
    "NullsRefused": (BREAKING, _("%(place)s no longer takes null."), INPUTS),
    "FieldRemoved": (BREAKING, _("The field %(place)s is gone from the answer."), ANSWERS),
    "FieldsClosed": (BREAKING, _("%(place)s has no fields beyond those that are named."), ANSWERS),
    "InputRemoved": (BREAKING, _("The field %(place)s can't be sent any more."), INPUTS),
    "RequiredInputAdded": (BREAKING, _("The field %(place)s has to be sent now."), INPUTS),
    "AnswerRemoved": (BREAKING, _("The answer is no longer described."), VERSION_IT),
    "ConnectionParameterRemoved": (BREAKING, _("Connections are no longer asked for %(place)s."), RECONNECT),
    "ConnectionParameterChanged": (BREAKING, _("Connections give %(place)s in another way."), RECONNECT),
    "ConnectionParameterRequired": (BREAKING, _("Connections have to give %(place)s."), RECONNECT),
    "OperationAdded": (SAFE, _("The operation is new."), UPDATE),
    "OperationDeprecated": (SAFE, _("The operation is marked as deprecated."), _("Move flows to its replacement before it goes.")),
    "VisibilityChanged": (SAFE, _("The operation was shown as %(old)s and is shown as %(new)s."), NONE),
    "PagingAdded": (SAFE, _("Rows come page by page."), UPDATE),
    "ParameterAdded": (SAFE, _("The parameter %(place)s is new and may be left out."), UPDATE),
    "ParameterBecameOptional": (SAFE, _("The parameter %(place)s may be left out now."), UPDATE),
    "DefaultChanged": (
        SAFE,
        _("The default of %(place)s changed from %(old)s to %(new)s."),
        _("Flows that leave it out behave in another way: look at them."),
    ),
    "FieldAdded": (SAFE, _("The field %(place)s is new in the answer."), UPDATE),
    "InputAdded": (SAFE, _("The field %(place)s can be sent now."), UPDATE),
    "InputBecameOptional": (SAFE, _("The field %(place)s may be left out now."), UPDATE),
    "TypeToldNow": (SAFE, _("The type of %(place)s is told more exactly: %(new)s."), UPDATE),
    "ValuesChanged": (SAFE, _("%(place)s has other values to choose from."), UPDATE),
    "NullsCome": (SAFE, _("%(place)s may be null now."), _("Flows that count on a value have to ask for null first.")),
    "NullsEnd": (SAFE, _("%(place)s always has a value now."), NONE),
    "NullsTaken": (SAFE, _("%(place)s takes null now."), UPDATE),
    "AnswerAdded": (SAFE, _("The answer is described now."), UPDATE),
    "SignInMoved": (SAFE, _("Signing in happens at another address."), _("Connections may have to sign in again.")),
    "BackendChanged": (SAFE, _("%(place)s changed from %(old)s to %(new)s."), _("See that this is the server that is meant.")),
    "ConnectionParameterAdded": (SAFE, _("Connections may give %(place)s."), UPDATE),
    "PolicyChanged": (SAFE, _("The connector's policies or capabilities changed."), UPDATE),
    "OtherChanged": (SAFE, _("Something that needs no change of flows differs."), UPDATE),
    "TextsChanged": (TEXT, _("Titles or descriptions differ."), NONE),
}
LEVELS = (BREAKING, SAFE, TEXT)


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. `operation` and `title` name what it breaks, "" = the whole definition; `place` the parameter or field."""

    code: str
    operation: str = ""
    title: str = ""
    place: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def level(self) -> str:
        """Return how much it matters."""
        return CODES[self.code][0]

    def said(self, translated: Callable[[str], str] = str) -> str:
        """Return the sentence."""
        return translated(CODES[self.code][1]) % {**self.detail, "place": self.place or translated(_("the answer"))}

    def advice(self, translated: Callable[[str], str] = str) -> str:
        """Return what to do; "" for nothing."""
        text = CODES[self.code][2]
        return translated(text) if text else ""

    def stored(self) -> dict[str, Any]:
        """Return the finding as JSON values; `of_stored` reads them."""
        found = {"code": self.code, "operation": self.operation, "title": self.title, "place": self.place, "detail": dict(self.detail)}
        return {name: value for name, value in found.items() if value}


def of_stored(data: Mapping[str, Any]) -> Finding:
    """Return the finding of `stored`."""
    return Finding(**data)


def level_of(findings: Iterable[Finding]) -> str:
    """Return the gravest level, "" when nothing differs."""
    found = {item.level for item in findings}
    return next((level for level in LEVELS if level in found), "")
