"""API -> Add View: a SELECT over any connections under a name, its columns, and which of them name a row."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from apiserver.resources import names, services
from apiserver.resources.models import Resource
from apiserver.resources.relation_pages import note
from apiserver.ui.access import console_page
from apiserver.ui.fields import code
from connections.contract.errors import ConnectorError
from connections.contract.table import KEY_TYPES, Table
from connections.derived_several import check_key, describe_several, qualified
from connections.models import Connection


class ViewForm(forms.Form):
    """Name and SELECT; the key is chosen among the columns that it has."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=128, help_text=gettext_lazy("How the view is called in addresses."))
    sql = code(gettext_lazy("One SELECT"), gettext_lazy("Tables are named as connection.schema.table."), rows=8, is_needed=True)

    def clean_name(self) -> str:
        """Refuse what is no identifier, or another resource's name."""
        name: str = self.cleaned_data["name"]
        if names.identifier(name) != name:
            raise forms.ValidationError(_("This is no simple identifier; %(name)s is.") % {"name": names.identifier(name)})
        if Resource.objects.filter(name__iexact=name).exists():
            raise forms.ValidationError(_("Another resource has this name."))
        return name


@never_cache
@console_page
def add(request: HttpRequest) -> HttpResponse:
    """Show the SELECT with its columns; publish it once it has a name."""
    is_filled = "publish" in request.POST or "check" in request.POST
    given = request.POST if request.method == "POST" else request.GET
    context: dict[str, Any] = {"key": given.getlist("key")}
    sql = given.get("sql", "")
    try:
        if sql and not is_filled:  # from the SQL page, where a connection may be at hand
            sql = from_explorer(sql, given.get("connection", ""))
        table = describe_several(sql) if sql else None
        form = ViewForm(request.POST if is_filled else None, initial={"sql": sql, "name": free_name()})
        context |= {"table": table, "columns": choices(table)}
        if "publish" in request.POST and table is not None and form.is_valid():
            done = publish(request, form.cleaned_data, table, given.getlist("key"))
            if done is not None:
                return redirect("resources:edit", done.pk)
    except ConnectorError as error:
        form = ViewForm(request.POST if is_filled else None, initial={"sql": sql, "name": free_name()})
        context["failure"] = error
    is_wrong = "failure" in context or (is_filled and not form.is_valid())
    return render(request, "resources/view.html", {**context, "form": form}, status=422 if is_wrong else 200)


def from_explorer(sql: str, connection: str) -> str:
    """Return the SELECT of the SQL page with the whole names of its tables."""
    found = Connection.objects.filter(pk=int(connection)).first() if connection.isdigit() else None
    return sql if found is None else qualified(sql, found)


def free_name() -> str:
    """Return a name that no resource has."""
    return names.unique("View", list(Resource.objects.values_list("name", flat=True)))


def choices(table: Table | None) -> list[dict[str, Any]]:
    """Return the columns, and whether each may be part of a key."""
    columns = table.columns if table else ()
    return [{"it": column, "is_possible": column.type in KEY_TYPES and not column.is_collection} for column in columns]


def publish(request: HttpRequest, data: dict[str, Any], table: Table, key: list[str]) -> Resource | None:
    """Publish the view; None when its name was taken meanwhile. Raise where the key names several rows."""
    key = [name for name in key if name in table.by_name]
    is_certain = check_key(data["sql"], key, uuid.uuid4().hex) if key else True
    try:
        with transaction.atomic():
            found = services.create(data["name"], None, table, sql=data["sql"], key=key, methods=["GET"])
    except IntegrityError:
        messages.error(request, _("Another resource has this name."))
        return None
    note(request, "resource published", found.name)
    if not is_certain:
        messages.warning(request, _("There are too many rows to tell whether the key names one row each."))
    messages.success(request, _("The view was published."))
    return found
