"""The form of an OAuth client."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apiserver.ui.fields import lines, ticks
from users.models import valid_name
from users.oauth.models import Client
from users.oauth.scopes import ALL, WORDS

POWER_PLATFORM = "https://global.consent.azure-apim.net/redirect"


class ClientForm(forms.Form):
    """Name, kind, where answers go, how far it may go."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=150,
        validators=[valid_name],
        help_text=gettext_lazy("Users read it when they are asked for their consent."),
    )
    client_type = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=[
            ("confidential", gettext_lazy("Confidential: keeps a secret, as Power Platform and web servers do")),
            ("public", gettext_lazy("Public: runs at the user's, as apps and pages do; proves itself by PKCE")),
        ],
    )
    redirect_uris = lines(
        gettext_lazy("Redirect addresses"),
        gettext_lazy("One a line, letter by letter. Each connector of Power Platform shows its own once it is saved."),
        is_needed=True,
        spellcheck="false",
        placeholder=POWER_PLATFORM,
    )
    scopes = ticks(
        gettext_lazy("Scopes"),
        gettext_lazy("The most that it may ask for. Nobody gives it more than they have."),
        is_needed=True,
        initial=list(ALL),
    )
    is_active = forms.BooleanField(label=gettext_lazy("May sign users in"), required=False, initial=True)

    def __init__(self, *args: Any, existing: Client | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.existing = existing
        self.fields["scopes"].choices = [(name, f"{name}: {WORDS[name]}") for name in ALL]  # type: ignore[attr-defined]
        if existing:
            self.initial.update({name: getattr(existing, name) for name in ("name", "client_type", "scopes", "is_active")})
            self.initial["redirect_uris"] = "\n".join(existing.redirects)

    def clean_name(self) -> str:
        """Refuse a name that another client has."""
        name: str = self.cleaned_data["name"]
        if Client.objects.filter(name=name).exclude(pk=self.existing.pk if self.existing else 0).exists():
            raise forms.ValidationError(_("Another OAuth client has this name."))
        return name
