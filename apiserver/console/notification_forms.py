"""The form of Settings -> Notifications."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apiserver.server import notification_settings as settings
from apiserver.ui.fields import line, lines, signing_secret, webhook_address
from connections.outgoing import listed_host

MAIL = ("smtp_host", "smtp_port", "smtp_tls", "smtp_user", "smtp_password", "smtp_from", "smtp_authority", "to")
EVENTS = ("on", "contract")
WEBHOOKS = ("webhooks", "webhook_url", "webhook_secret")


class NotificationForm(forms.Form):
    """Every setting of the page; secrets are never shown again."""

    smtp_host = line(gettext_lazy("Mail server"), gettext_lazy("Empty: no e-mails are sent."))
    smtp_port = forms.IntegerField(label=gettext_lazy("Port"), required=False, help_text=gettext_lazy("Empty: 587, or what TLS asks for."))
    smtp_tls = forms.ChoiceField(
        label="TLS",
        choices=[
            (settings.STARTTLS, "STARTTLS"),
            (settings.TLS, gettext_lazy("TLS from the first byte")),
            (settings.NO_TLS, gettext_lazy("None")),
        ],
    )
    smtp_user = line(gettext_lazy("User"))
    smtp_password = forms.CharField(
        label=gettext_lazy("Password"), required=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )
    smtp_from = forms.CharField(label=gettext_lazy("Sender"), required=False, widget=forms.EmailInput)
    smtp_authority = lines(gettext_lazy("Certificate authority"), gettext_lazy("PEM text. Empty: those that this machine trusts."), rows=2)
    to = lines(gettext_lazy("Recipients"), gettext_lazy("One address a line."))
    on = forms.ChoiceField(
        label=gettext_lazy("When a run of a job ends"),
        required=False,
        choices=[
            (settings.ERRORS, gettext_lazy("When it failed")),
            (settings.ALL, gettext_lazy("Always")),
            (settings.NEVER, gettext_lazy("Never")),
        ],
        help_text=gettext_lazy("A job can differ: its tab Notifications."),
    )
    contract = forms.ChoiceField(
        label=gettext_lazy("When the contract changes"),
        choices=[
            (settings.ALL, gettext_lazy("Always")),
            (settings.BREAKING, gettext_lazy("When flows break")),
            (settings.NEVER, gettext_lazy("Never")),
        ],
    )
    webhooks = forms.MultipleChoiceField(
        label=gettext_lazy("Remove"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Ticked ones are removed."),
    )
    webhook_url = webhook_address(gettext_lazy("New address"), example="https://hooks.example.com/contract")
    webhook_secret = signing_secret(gettext_lazy("Starts with whsec_. Empty: one is made and shown once."))

    def __init__(self, stored: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = stored
        smtp = stored["smtp"]
        self.initial.update({f"smtp_{name}": smtp[name] for name in settings.SMTP if name in smtp and name != "password"})
        self.initial.update({"to": "\n".join(stored["to"]), "on": stored["on"], "contract": stored["contract"]})
        if smtp.get("password"):
            self.fields["smtp_password"].help_text = _("Empty: the one that is stored.")
        hosts = [(str(number), listed_host(item["url"])) for number, item in enumerate(stored["webhooks"])]
        if hosts:
            self.fields["webhooks"].choices = hosts  # type: ignore[attr-defined]
        else:
            del self.fields["webhooks"]

    def sections(self) -> list[dict[str, Any]]:
        """Return the fields by section, each with one line of explanation."""
        found = [
            (_("E-mail"), _("The mail server that sends for this server, and who is told."), MAIL),
            ("Webhooks", _("Addresses that are called, each call signed as Standard Webhooks says."), WEBHOOKS),
            (_("Events"), _("What is told."), EVENTS),
        ]
        return [
            {"label": label, "help": text, "fields": [self[name] for name in names if name in self.fields]} for label, text, names in found
        ]

    def settings(self) -> dict[str, Any]:
        """Return the settings as the configuration file spells them."""
        given = self.cleaned_data
        smtp = {name: given[f"smtp_{name}"] for name in settings.SMTP if given[f"smtp_{name}"]}
        if not given["smtp_host"]:
            smtp = {}
        elif not given["smtp_password"] and given["smtp_user"] == self.stored["smtp"].get("user") and self.stored["smtp"].get("password"):
            smtp["password"] = self.stored["smtp"]["password"]
        kept = [item for number, item in enumerate(self.stored["webhooks"]) if str(number) not in given.get("webhooks", ())]
        if given["webhook_url"].strip():
            kept.append({"url": given["webhook_url"].strip()} | ({"secret": given["webhook_secret"]} if given["webhook_secret"] else {}))
        return {
            "smtp": smtp,
            "to": given["to"].split(),
            "on": given["on"] or self.stored["on"],
            "contract": given["contract"],
            "webhooks": kept,
        }
