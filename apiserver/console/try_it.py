"""Try it: a question to a resource, answered by the service itself as a client would get it, with the rights of a chosen user."""

from __future__ import annotations

import json
import time
from functools import partial
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy

from apiserver.odata.service import ServiceContext, run
from apiserver.resources.catalog import PublishedResource
from apiserver.resources.models import Resource
from apiserver.resources.services import catalog_for
from apiserver.server import audit
from apiserver.server.addresses import caller, service_root
from apiserver.ui.access import ADMIN, console_page
from connections.services import session_for
from users.models import User
from users.principal import principal_of

OPTIONS = ("filter", "select", "orderby", "expand", "top")
MOST = 100


class TryForm(forms.Form):
    """Query options and, for administrators, whose rights hold."""

    filter = forms.CharField(label="$filter", required=False, help_text=gettext_lazy("Which rows."))
    select = forms.CharField(label="$select", required=False, help_text=gettext_lazy("Which columns, with commas between them."))
    orderby = forms.CharField(label="$orderby", required=False, help_text=gettext_lazy("In which order; desc turns it around."))
    expand = forms.CharField(label="$expand", required=False, help_text=gettext_lazy("Which related rows come along."))
    top = forms.IntegerField(
        label="$top", required=False, min_value=0, max_value=MOST, initial=20, help_text=gettext_lazy("How many rows at most.")
    )
    user = forms.ChoiceField(label=gettext_lazy("With the rights of"), required=False)

    def __init__(self, asker: User, shown: PublishedResource | None, given: QueryDict) -> None:
        super().__init__({"user": asker.name, **given.dict()} if given else None)
        if shown is not None and shown.properties:
            self.set_examples(shown)
        everyone = User.objects.values_list("name", flat=True) if asker.role in ADMIN else [asker.name]
        self.fields["user"].choices = [(name, name) for name in everyone]  # type: ignore[attr-defined]
        self.initial["user"] = asker.name

    def set_examples(self, shown: PublishedResource) -> None:
        """Show in the empty fields what can be written there for this resource."""
        names = [item.name for item in shown.properties]
        examples = {
            "filter": f"{names[0]} ne null",
            "select": ",".join(names[:2]),
            "orderby": f"{names[0]} desc",
            "expand": shown.navigations[0].name if shown.navigations else "",
        }
        for name, example in examples.items():
            self.fields[name].widget.attrs |= {"placeholder": example, "spellcheck": "false"}


@console_page
def try_it(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the form and the answer."""
    resource = get_object_or_404(Resource.objects.defer("snapshot"), pk=pk)
    asker = cast(User, request.user)
    seen = catalog_for(principal_of(asker)).resources.get(resource.name)
    form = TryForm(asker, seen, request.GET)
    given = form.cleaned_data if form.is_valid() else {"top": TryForm.base_fields["top"].initial}
    query = "&".join(f"${name}={quote(str(given[name]), safe=SAFE)}" for name in OPTIONS if given.get(name) not in (None, ""))
    user = User.objects.get(name=given["user"]) if given.get("user") else asker
    if user.pk != asker.pk:
        audit.record("tried as", who=asker.name, subject=f"{user.name}: {resource.name}", address=caller(request).address)
    root, started = service_root(request, None), time.perf_counter()
    url = f"{root}/{quote(resource.name)}" + (f"?{query}" if query else "")
    response = ask(request, f"/{resource.name}", query, user)
    context = {
        "resource": resource,
        "form": form,
        "url": url,
        "status": response.status_code,
        "phrase": HTTPStatus(response.status_code).phrase,
        "curl": f"curl -H 'x-cdata-authtoken: AUTHTOKEN' '{url}'",
        "properties": [item.name for item in seen.properties] if seen else [],
        "ms": round((time.perf_counter() - started) * 1000, 1),
        **shown(response),
    }
    return render(request, "console/try_it.html", context)


SAFE = "(),/:;*@$"


def ask(request: HttpRequest, path: str, query: str, user: User) -> HttpResponseBase:
    """Return the service's answer to the user."""
    inner = HttpRequest()
    inner.method = "GET"
    inner.META = {**request.META, "QUERY_STRING": query, "PATH_INFO": path, "HTTP_ACCEPT": "application/json", "HTTP_ACCEPT_ENCODING": ""}
    return run(inner, path, partial(context_of, user))


def context_of(user: User, request: HttpRequest) -> ServiceContext:
    """Return what the service needs to know."""
    return ServiceContext(catalog_for(principal_of(user)), session_for, service_root(request, None))


def shown(response: HttpResponseBase) -> dict[str, Any]:
    """Return the answer as the page shows it: rows as text by column, or the error."""
    body = b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]
    response.close()
    answer = json.loads(body, parse_float=Digits) if body else {}
    if "error" in answer:
        return {"error": answer["error"]}
    rows = [{name: value for name, value in row.items() if "@" not in name} for row in answer.get("value", [])]
    names = list(dict.fromkeys(name for row in rows for name in row))
    heads = [{"name": name, "is_number": any(is_number(row.get(name)) for row in rows)} for name in names]
    cells = [[{"text": text(row.get(name)), "is_number": is_number(row.get(name))} for name in names] for row in rows]
    return {"heads": heads, "rows": cells, "has_more": "@odata.nextLink" in answer}


class Digits(str):
    """A number with a fraction, as the answer spells it."""

    __slots__ = ()


def is_number(value: Any) -> bool:
    """Claim that the value stands at the right."""
    return isinstance(value, int | Digits) and not isinstance(value, bool)


def text(value: Any) -> str | None:
    """Return a value as JSON writes it, text without quotes."""
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
