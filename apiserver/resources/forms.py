"""The form of a resource: texts, methods and, of each column, whether and under which name it is published."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apiserver.resources import names, snapshot
from apiserver.resources.configuration import columns_of, relations_of
from apiserver.resources.models import ALL_METHODS, Resource
from apiserver.resources.serving import REPLICATED
from apiserver.server.configuration_protocol import ConfigurationError
from apiserver.ui.said import said
from connections.contract.table import KEY_TYPES, Type

KEPT = (1, 5, 15, 60, 1440)  # minutes
# Details of a column that the page shows -> the part of its fields' names.
SHOWN = {"name": "alias", "description": "about", "read_only": "locked"}
SIMPLE = ("name", "title", "description", "methods", "key", "search", "check_column", "etag", "serve")


class ResourceForm(forms.Form):
    """Name, texts, methods, columns, key and what else clients notice."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=128,
        required=False,
        help_text=gettext_lazy("A new name changes the address: clients that use the old one get 404."),
    )
    title = forms.CharField(
        label=gettext_lazy("Title"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("What people read instead of the name, in API descriptions and in this console."),
    )
    description = forms.CharField(label=gettext_lazy("Description"), required=False, widget=forms.Textarea(attrs={"rows": "3"}))
    methods = forms.MultipleChoiceField(
        label=gettext_lazy("Methods"),
        required=False,
        choices=[(method, method) for method in ALL_METHODS],
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("What clients may do at most; users need the privilege as well."),
    )
    key = forms.MultipleChoiceField(
        label=gettext_lazy("Key"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Columns that name a row. None: the table's own key; a table without one is read only."),
    )
    search = forms.MultipleChoiceField(
        label=gettext_lazy("Searched columns"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("What $search looks into. None: every text column."),
    )
    check_column = forms.ChoiceField(
        label=gettext_lazy("Check column"),
        required=False,
        help_text=gettext_lazy("A time or number that grows with every change of a row."),
    )
    etag = forms.ChoiceField(
        label=gettext_lazy("ETag"),
        required=False,
        help_text=gettext_lazy("How clients notice that a row has changed: by all of it, by one column, or not at all."),
    )

    serve = forms.ChoiceField(
        label=gettext_lazy("Served"),
        required=False,
        help_text=gettext_lazy("Kept answers spare the source; whatever is written through this server is seen at once."),
    )

    def __init__(self, resource: Resource, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.resource = resource
        self.table = snapshot.from_json(resource.snapshot)
        names_of = [(column.name, column.name) for column in self.table.columns]
        plain = [(c.name, c.name) for c in self.table.columns if c.type in KEY_TYPES and not c.is_collection]
        self.fields["key"].choices = plain  # type: ignore[attr-defined]
        self.fields["search"].choices = [(c.name, c.name) for c in self.table.columns if c.type is Type.STRING]  # type: ignore[attr-defined]
        self.fields["check_column"].choices = [("", _("None")), *plain]  # type: ignore[attr-defined]
        self.fields["etag"].choices = [("row", _("All columns")), ("none", _("None")), *names_of]  # type: ignore[attr-defined]
        kept = [
            (f"cached {number}", ngettext("kept for %(number)d minute", "kept for %(number)d minutes", number) % {"number": number})
            for number in KEPT
        ]
        ways = [("live", _("live: each request asks the source")), *kept]
        if not resource.sql:
            ways.append((REPLICATED, _("replicated: from the replica of a job")))
        own = [] if resource.serve in dict(ways) else [(resource.serve, resource.serve)]
        self.fields["serve"].choices = [*ways, *own]  # type: ignore[attr-defined]
        self.initial.update({field: getattr(resource, field) for field in SIMPLE})
        self.details: dict[str, Any] = resource.columns if resource.columns is not None else {c.name: {} for c in self.table.columns}
        self.has_all = resource.columns is None
        for number, column in enumerate(self.table.columns):
            known = self.details.get(column.name) or {}
            shown = column.name in self.details
            self.fields[f"publish-{number}"] = forms.BooleanField(label=column.name, required=False, initial=shown)
            self.fields[f"alias-{number}"] = forms.CharField(
                label=_("Alias"), required=False, initial=known.get("name", ""), max_length=128
            )
            self.fields[f"about-{number}"] = forms.CharField(
                label=_("Description"), required=False, initial=known.get("description", ""), max_length=500
            )
            self.fields[f"locked-{number}"] = forms.BooleanField(label=_("Read only"), required=False, initial=bool(known.get("read_only")))

    def head(self) -> list[forms.BoundField]:
        """Return the fields before the columns."""
        return [self[name] for name in ("name", "title", "description", "methods")]

    def tail(self) -> list[forms.BoundField]:
        """Return the fields behind the columns."""
        return [self[name] for name in ("key", "search", "check_column", "etag", "serve")]

    def clean_name(self) -> str:
        """Refuse what is no identifier, or another resource's name."""
        name: str = self.cleaned_data["name"] or self.resource.name
        if names.identifier(name) != name:
            raise forms.ValidationError(
                _("This is no simple identifier; %(name)s is.") % {"name": names.identifier(name)},
            )
        if Resource.objects.filter(name__iexact=name).exclude(pk=self.resource.pk).exists():
            raise forms.ValidationError(_("Another resource has this name."))
        return name

    def rows(self) -> list[dict[str, Any]]:
        """Return each column with its two fields."""
        return [
            {"column": column, **{part: self[f"{part}-{number}"] for part in ("publish", "alias", "about", "locked")}}
            for number, column in enumerate(self.table.columns)
        ]

    def clean(self) -> dict[str, Any]:
        """Put the columns together; refuse aliases that are no identifiers or the same twice."""
        data: dict[str, Any] = super().clean() or {}
        chosen: dict[str, Any] = {}
        for number, column in enumerate(self.table.columns):
            if data.get(f"publish-{number}"):
                kept = {name: value for name, value in (self.details.get(column.name) or {}).items() if name not in SHOWN}
                given = {name: data.get(f"{part}-{number}") for name, part in SHOWN.items()}
                chosen[column.name] = kept | {name: value for name, value in given.items() if value}
        if not chosen:
            self.add_error(None, _("Publish one column at least."))
        try:
            data["columns"] = columns_of(chosen, self.table, "columns")
        except ConfigurationError as error:
            self.add_error(None, said(str(error)))
        return data

    def settings(self) -> dict[str, Any]:
        """Return what changes of the resource; all columns without details stay 'all of them', new ones included."""
        given = self.cleaned_data
        columns = given["columns"]
        is_plain = self.has_all and len(columns) == len(self.table.columns) and not any(columns.values())
        methods = [method for method in ALL_METHODS if method in given["methods"]]
        etag = given["etag"] or self.resource.etag
        return {
            **{name: given[name] for name in ("title", "description", "key", "search", "check_column")},
            "etag": etag,
            "serve": given["serve"] or self.resource.serve,
            "methods": methods,
            "columns": None if is_plain else columns,
        }


class RelationForm(forms.Form):
    """One relation besides the foreign keys: its name, where it leads and the columns that belong together."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=128)
    to = forms.ChoiceField(label=gettext_lazy("Leads to"))
    here = forms.ChoiceField(label=gettext_lazy("Column here"))
    there = forms.CharField(label=gettext_lazy("Column there"), max_length=200)
    collection = forms.BooleanField(label=gettext_lazy("To many rows"), required=False)
    partner = forms.CharField(label=gettext_lazy("Name of the way back"), max_length=128, required=False)

    def __init__(self, resource: Resource, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.resource = resource
        others = Resource.objects.filter(connection=resource.connection_id).values_list("name", flat=True)
        self.fields["to"].choices = [(name, name) for name in others]  # type: ignore[attr-defined]
        columns = snapshot.from_json(resource.snapshot).columns
        self.fields["here"].choices = [(column.name, column.name) for column in columns]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Check it as the configuration file would."""
        data: dict[str, Any] = super().clean() or {}
        if self.errors:
            return data
        given = {"to": data["to"], "columns": {data["here"]: data["there"]}, "collection": data["collection"], "partner": data["partner"]}
        try:
            data["relations"] = {**self.resource.relations, **relations_of({data["name"]: given}, self.resource, "relations")}
        except ConfigurationError as error:
            self.add_error(None, said(str(error)))
        return data
