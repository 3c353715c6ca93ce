"""The form of a connector package; what is chosen is kept as the configuration file has it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from apiserver.powerplatform.package_keeping import changed
from apiserver.server.configuration_protocol import ConfigurationError
from apiserver.server.package_choices import LONGEST_NAME, Choices
from apiserver.ui import fields
from apiserver.ui.fields import shown_when
from users.oauth.models import Client

AUTHS = (
    ("api-key", gettext_lazy("Authtoken (API key)")),
    ("basic", gettext_lazy("User name and authtoken (Basic)")),
    ("oauth", gettext_lazy("Sign-in at this server (OAuth 2.0)")),
    ("aad", gettext_lazy("Microsoft Entra ID")),
    ("none", gettext_lazy("None")),
)
MAIN = (
    "name",
    "color",
    "auth",
    "client_id",
    "tenant",
    "resource_uri",
    "connection",
    "gateway",
    "certification",
    "publisher",
    "stack_owner",
)
PACONN = ("environment", "connector_id")
# Field -> the field that shows it and the values for which it does.
SHOWN_WHEN = {
    "client_id": ("auth", "oauth", "aad"),
    "tenant": ("auth", "aad"),
    "resource_uri": ("auth", "aad"),
    "publisher": ("certification", "true"),
    "stack_owner": ("certification", "true"),
}


def line(label: Any, help_text: Any = "", **more: Any) -> forms.CharField:
    """Return a field of one line that may be empty."""
    return fields.line(label, help_text, most=200, **more)


class PackageForm(forms.Form):
    """What a package is made of."""

    name = line(
        gettext_lazy("Connector's name"),
        gettext_lazy("30 characters at most, without API, connector and names of Power products. Empty: the API's title."),
        maxlength=LONGEST_NAME,
    )
    color = line(gettext_lazy("Colour"), gettext_lazy("Behind the icon's letters."), type="color")
    auth = forms.ChoiceField(label=gettext_lazy("Sign-in"), choices=AUTHS, help_text=gettext_lazy("What a maker enters for a connection."))
    client_id = line(
        gettext_lazy("Client ID"),
        gettext_lazy("For sign-in at this server one of those under Users → OAuth clients. Its secret is given to paconn: --secret."),
        list="oauth-clients",
    )
    tenant = line(gettext_lazy("Directory"), gettext_lazy("Empty: accounts of any organization."))
    resource_uri = line(gettext_lazy("Audience"), gettext_lazy("What the token is for. Empty: the client."))
    connection = forms.ChoiceField(label=gettext_lazy("Connection"), required=False, help_text=gettext_lazy("Only its resources."))
    gateway = forms.BooleanField(
        label=gettext_lazy("Through the on-premises data gateway"),
        required=False,
        help_text=gettext_lazy("For servers that can't be reached from outside."),
    )
    certification = forms.BooleanField(
        label=gettext_lazy("For certification"), required=False, help_text=gettext_lazy("Adds publisher, readme.md and intro.md.")
    )
    publisher = line(gettext_lazy("Publisher"))
    stack_owner = line(gettext_lazy("Owner of the service"), gettext_lazy("Empty: the publisher."))
    environment = line(gettext_lazy("Environment"), gettext_lazy("Its id. Empty: paconn asks for one."))
    connector_id = line(gettext_lazy("Connector ID"), gettext_lazy("Of the connector to update."))

    def __init__(self, kept: Choices, connections: list[str], given: Any = None) -> None:
        super().__init__(given, initial=asdict(kept))
        self.resources = tuple(given.getlist("resource")) if given is not None else kept.resources
        names = sorted({*connections, *([kept.connection] if kept.connection else [])})
        self.fields["connection"].choices = [("", gettext_lazy("All")), *((name, name) for name in names)]  # type: ignore[attr-defined]
        for name, when in SHOWN_WHEN.items():
            shown_when(self.fields[name], *when)

    @property
    def clients(self) -> list[Client]:
        """Return the OAuth clients of this server that can keep a secret."""
        return [item for item in Client.objects.filter(is_active=True) if not item.is_public]

    @property
    def main(self) -> list[Any]:
        """Return the fields that say what the connector is."""
        return [self[name] for name in MAIN]

    @property
    def paconn(self) -> list[Any]:
        """Return the fields for settings.json."""
        return [self[name] for name in PACONN]

    def choices(self) -> Choices | None:
        """Return what was chosen; None where the form tells what is wrong."""
        if not self.is_valid():
            return None
        found = Choices()
        for name, value in {**self.cleaned_data, "resources": list(self.resources)}.items():
            try:
                found = changed(found, {name: value}, "")
            except ConfigurationError as error:
                self.add_error(name if name in self.fields else None, str(error).partition(": ")[2] or str(error))
        return None if self.errors else found
