"""The form of a connection: grown from the properties that its connector declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.forms import BoundField
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apiserver.ui.said import said
from connections.connectors.establishing import label_of
from connections.contract.connector import Connector
from connections.contract.property import Property
from connections.models import NAME, Connection

OPEN_GROUPS = ("Basic", "Authentication")


class WriteOnlyTextarea(forms.Textarea):
    """Several secret lines: taken, never shown."""

    def format_value(self, value: Any) -> str:
        """Return nothing, whatever was stored or posted."""
        return ""


class ConnectionForm(forms.Form):
    """Name and settings of a connection, then one field for each property."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=80,
        validators=[
            RegexValidator(NAME, gettext_lazy("A name begins with a Latin letter; Latin letters, digits, spaces, - and _ follow."))
        ],
        help_text=gettext_lazy("What this console and configuration files call the connection. Clients never see it."),
    )
    labels = forms.CharField(label=gettext_lazy("Labels"), required=False, help_text=gettext_lazy("Words with commas between them."))
    read_only = forms.BooleanField(label=gettext_lazy("Read only"), required=False)
    max_rows = forms.IntegerField(
        label=gettext_lazy("Most rows of one answer"), min_value=0, required=False, help_text=gettext_lazy("0 or empty: no cap.")
    )

    def __init__(
        self,
        connector: Connector,
        *args: Any,
        existing: Connection | None = None,
        pasted: Mapping[str, Any] | None = None,
        kept: Mapping[str, Any] | None = None,  # properties that this server keeps for a connection not stored yet
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.connector, self.existing, self.kept = connector, existing, kept or {}
        stored = (
            existing.properties
            if existing
            else {item.name: self.kept.get(item.name) for item in connector.properties if not item.is_secret}
        )
        stored = {name: value for name, value in stored.items() if value is not None}
        for item in connector.properties:
            has_secret = item.is_secret and item.name in (existing.secrets if existing else self.kept)
            self.fields[item.name] = field_of(item, has_secret=has_secret)
            self.fields[item.name].shown_when = shown_when(item)  # type: ignore[attr-defined]
            if item.picks and existing:
                self.fields[item.name].picks = reverse("connections:picks", args=[existing.pk, item.name])  # type: ignore[attr-defined]
                self.fields[item.name].widget.attrs["list"] = f"picks-{item.name}"
            self.initial.setdefault(item.name, stored.get(item.name, shown_default(item)))
            if has_secret:
                self.fields[clear_name(item)] = forms.BooleanField(label=_("Forget the stored value"), required=False)
        if existing:
            self.initial.update({"name": existing.name, "labels": ", ".join(existing.labels)})
            self.initial.update({"read_only": existing.read_only, "max_rows": existing.max_rows})
        for name, value in (pasted or {}).items():
            self.initial[name] = value
            widget = self.fields[name].widget if name in self.fields else None
            if isinstance(widget, forms.PasswordInput):
                widget.render_value = True  # what was pasted a moment ago, not what is stored

    def clean_name(self) -> str:
        """Refuse a name that another connection has."""
        name: str = self.cleaned_data["name"]
        others = Connection.objects.filter(name=name).exclude(pk=self.existing.pk if self.existing else 0)
        if others.exists():
            raise forms.ValidationError(_("Another connection has this name."))
        return name

    def values(self) -> dict[str, Any]:
        """Return the properties as given; a secret that was left empty is left out, so that it keeps its value."""
        found: dict[str, Any] = {}
        for item in self.connector.properties:
            value = self.cleaned_data.get(item.name)
            if item.is_secret:
                if value or self.cleaned_data.get(clear_name(item)):
                    found[item.name] = value or ""
                elif item.name in self.kept:
                    found[item.name] = self.kept[item.name]
            elif value not in (None, "") and value != item.default:
                found[item.name] = value
        return found

    def settings(self) -> dict[str, Any]:
        """Return name, labels, read_only and max_rows."""
        given = self.cleaned_data
        labels = [word.strip() for word in given["labels"].split(",") if word.strip()]
        return {"name": given["name"], "labels": labels, "read_only": given["read_only"], "max_rows": given["max_rows"] or 0}

    def add_errors(self, errors: Mapping[str, str]) -> None:
        """Show each message at its field."""
        for name, text in errors.items():
            if name in self.fields:
                self.add_error(name, said(text))
            else:
                self.add_error(None, f"{name}: {said(text)}")

    def head(self) -> list[BoundField]:
        """Return the fields that stand before the properties."""
        return [self["name"], self["labels"]]

    def groups(self) -> list[dict[str, Any]]:
        """Return the property fields by group, in the order of declaration; Basic and Authentication stand open."""
        found: dict[str, list[BoundField]] = {name: [] for name in OPEN_GROUPS}
        for item in self.connector.properties:
            fields = found.setdefault(item.group, [])
            fields.append(self[item.name])
            if clear_name(item) in self.fields:
                fields.append(self[clear_name(item)])
        found.setdefault("Advanced", []).extend(self[name] for name in ("read_only", "max_rows"))
        return [
            {"name": name, "label": _(name), "fields": fields, "is_basic": name in OPEN_GROUPS, "has_errors": any(f.errors for f in fields)}
            for name, fields in found.items()
            if fields
        ]


def clear_name(item: Property) -> str:
    """Return the name of the box that forgets a stored secret."""
    return f"{item.name}-forget"


def shown_default(item: Property) -> Any:
    """Return what the field starts with; defaults of text and numbers are placeholders instead."""
    return item.default if item.kind in ("boolean", "choice") else None


def field_of(item: Property, *, has_secret: bool) -> forms.Field:
    """Return the form's field of a property."""
    common: dict[str, Any] = {
        "label": _(label_of(item)),
        "help_text": help_of(item),
        "required": item.is_required and item.default is None and not has_secret,
    }
    if item.kind == "boolean":
        return forms.BooleanField(**{**common, "required": False})
    if item.kind == "choice":
        return forms.ChoiceField(choices=[(choice, choice) for choice in item.choices], **{**common, "required": False})
    placeholder = item.placeholder or ("" if item.default is None else str(item.default))
    if item.kind == "integer":
        widget = forms.NumberInput(attrs={"placeholder": placeholder})
        return forms.IntegerField(min_value=item.minimum, max_value=item.maximum, widget=widget, **common)
    attrs = {
        "placeholder": _("Stored. Leave empty to keep it.") if has_secret else placeholder,
        "autocomplete": "off",
        "spellcheck": "false",
    }
    return forms.CharField(widget=widget_of(item, attrs), strip=not item.is_secret, **common)


def widget_of(item: Property, attrs: dict[str, str]) -> forms.Widget:
    """Return the input of a text property."""
    if item.kind == "text":
        return (WriteOnlyTextarea if item.is_secret else forms.Textarea)(attrs={**attrs, "rows": "4"})
    if item.is_secret:
        return forms.PasswordInput(attrs={**attrs, "autocomplete": "new-password"})
    return forms.TextInput(attrs=attrs)


def shown_when(item: Property) -> tuple[str, str] | None:
    """Return the field that shows this one and the values that do, as the page's script compares them."""
    if item.shown_when is None:
        return None
    other, wanted = item.shown_when
    return other, "|".join(str(value).lower() if isinstance(value, bool) else str(value) for value in wanted)


def help_of(item: Property) -> str:
    """Return the help, with the condition under which the property is used."""
    text = _(item.help) if item.help else ""
    if item.shown_when is None:
        return text
    other, wanted = item.shown_when
    words = [_("on") if value is True else _("off") if value is False else str(value) for value in wanted]
    condition = _("Used when %(name)s is %(values)s.") % {"name": other, "values": ", ".join(words)}
    return f"{text} {condition}".strip()
