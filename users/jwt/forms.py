"""The form of an issuer of JWTs: lists are written a line each, tables as `left = right`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apiserver.server.configuration_jwt import ALGORITHMS, DEFAULTS, LONGEST_LEEWAY
from apiserver.ui import fields

LISTS = ("audience", "claims", "tenants")
TABLES = ("users", "scopes", "required")


def lines(label: Any, help_text: Any, *, is_needed: bool = False, example: str = "") -> forms.CharField:
    """Return a field of lines."""
    return fields.lines(label, help_text, rows=2, is_needed=is_needed, spellcheck="false", placeholder=example)


class IssuerForm(forms.Form):
    """Every key of an entry of server.jwt."""

    issuer = forms.CharField(
        label=gettext_lazy("Issuer"),
        max_length=1000,
        widget=forms.TextInput(attrs={"placeholder": "https://login.microsoftonline.com/TENANT/v2.0", "spellcheck": "false"}),
        help_text=gettext_lazy("The claim iss, letter by letter. For several tenants write {tenantid} in its place and list them below."),
    )
    audience = lines(
        gettext_lazy("Audience"),
        gettext_lazy("The claim aud: the client id or the Application ID URI of this API. One a line."),
        is_needed=True,
        example="api://00000000-0000-0000-0000-000000000000",
    )
    claims = lines(
        gettext_lazy("Claims that name the user"),
        gettext_lazy("The first one that a token has counts, one a line. oid and sub never change; names may be given to others."),
        is_needed=True,
    )
    users = lines(
        gettext_lazy("Users"),
        gettext_lazy("What the claim holds = user of this server, one a line. Empty: the claim holds the user's name."),
        example="11111111-2222-3333-4444-555555555555 = flow",
    )
    algorithms = fields.ticks(gettext_lazy("Algorithms"), choices=[(name, name) for name in ALGORITHMS], is_needed=True)
    tenants = lines(gettext_lazy("Tenants"), gettext_lazy("Whose tokens are taken where the issuer holds {tenantid}. One a line."))
    jwks_uri = forms.CharField(
        label=gettext_lazy("Address of the keys"),
        required=False,
        max_length=1000,
        help_text=gettext_lazy("Empty: the issuer's discovery document tells it."),
    )
    scope_claim = forms.CharField(
        label=gettext_lazy("Claim that confines"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("scp or roles: the token can do no more than it lists. Empty: all that the user may do."),
    )
    scopes = lines(
        gettext_lazy("What its values mean"),
        gettext_lazy("Value = read, create, update or delete, one a line. Empty: these words themselves."),
        example="Data.Read = read",
    )
    required = lines(
        gettext_lazy("Claims that must be so"), gettext_lazy("Claim = value, one a line. Tokens without are refused."), example="azp = ..."
    )
    leeway_seconds = forms.IntegerField(
        label=gettext_lazy("Seconds that clocks may differ"), min_value=0, max_value=LONGEST_LEEWAY, initial=DEFAULTS["leeway_seconds"]
    )

    def __init__(self, existing: Mapping[str, Any] | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shown = {**DEFAULTS, **(existing or {})}
        self.initial.update({name: shown.get(name, "") for name in self.fields})
        self.initial.update({name: "\n".join(shown.get(name, ())) for name in LISTS})
        self.initial.update({name: "\n".join(f"{key} = {value}" for key, value in shown[name].items()) for name in TABLES})

    def clean(self) -> dict[str, Any]:
        """Read lists and tables."""
        given: dict[str, Any] = super().clean() or {}
        for name in LISTS:
            given[name] = [line.strip() for line in (given.get(name) or "").splitlines() if line.strip()]
        for name in TABLES:
            given[name] = self.table(name, given.get(name) or "")
        return given

    def table(self, name: str, text: str) -> dict[str, str]:
        """Return a table of `left = right`."""
        found: dict[str, str] = {}
        for line in filter(str.strip, text.splitlines()):
            left, mark, right = line.rpartition("=")
            if not mark or not left.strip() or not right.strip():
                self.add_error(name, _("Write each line as: left = right."))
            found[left.strip()] = right.strip()
        return found
