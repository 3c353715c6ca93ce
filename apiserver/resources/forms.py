"""The form of a resource: texts, methods and, of each column, whether and under which name it is published."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apiserver.resources import snapshot
from apiserver.resources.configuration import columns_of
from apiserver.resources.models import ALL_METHODS, Resource
from apiserver.server.configuration_protocol import ConfigurationError


class ResourceForm(forms.Form):
    """Title, description, methods, columns."""

    title = forms.CharField(label=gettext_lazy("Title"), max_length=200, required=False)
    description = forms.CharField(label=gettext_lazy("Description"), required=False, widget=forms.Textarea(attrs={"rows": "3"}))
    methods = forms.MultipleChoiceField(
        label=gettext_lazy("Methods"),
        required=False,
        choices=[(method, method) for method in ALL_METHODS],
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, resource: Resource, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table = snapshot.from_json(resource.snapshot)
        self.initial.update({"title": resource.title, "description": resource.description, "methods": resource.methods})
        self.details: dict[str, Any] = resource.columns if resource.columns is not None else {c.name: {} for c in self.table.columns}
        self.has_all = resource.columns is None
        for number, column in enumerate(self.table.columns):
            shown = column.name in self.details
            self.fields[f"publish-{number}"] = forms.BooleanField(label=column.name, required=False, initial=shown)
            alias = (self.details.get(column.name) or {}).get("name", "")
            self.fields[f"alias-{number}"] = forms.CharField(label=_("Alias"), required=False, initial=alias, max_length=128)

    def rows(self) -> list[dict[str, Any]]:
        """Return each column with its two fields."""
        return [
            {"column": column, "publish": self[f"publish-{number}"], "alias": self[f"alias-{number}"]}
            for number, column in enumerate(self.table.columns)
        ]

    def clean(self) -> dict[str, Any]:
        """Put the columns together; refuse aliases that are no identifiers or the same twice."""
        data: dict[str, Any] = super().clean() or {}
        chosen: dict[str, Any] = {}
        for number, column in enumerate(self.table.columns):
            if data.get(f"publish-{number}"):
                kept = {name: value for name, value in (self.details.get(column.name) or {}).items() if name != "name"}
                alias = data.get(f"alias-{number}")
                chosen[column.name] = {**kept, "name": alias} if alias else kept
        if not chosen:
            self.add_error(None, _("Publish one column at least."))
        try:
            data["columns"] = columns_of(chosen, self.table, "columns")
        except ConfigurationError as error:
            self.add_error(None, str(error))
        return data

    def settings(self) -> dict[str, Any]:
        """Return what changes of the resource; all columns without details stay 'all of them', new ones included."""
        given = self.cleaned_data
        columns = given["columns"]
        is_plain = self.has_all and len(columns) == len(self.table.columns) and not any(columns.values())
        methods = [method for method in ALL_METHODS if method in given["methods"]]
        return {
            "title": given["title"],
            "description": given["description"],
            "methods": methods,
            "columns": None if is_plain else columns,
        }
