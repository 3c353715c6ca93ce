"""OAuth clients on the Users pages: the list, add, change, a new secret, sign-ins ended, delete. Only administrators come here."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, Max, Min, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apiserver.server.addresses import site_root
from apiserver.ui.access import admin_page
from apiserver.ui.said import said
from connections import vault
from users.acting import by
from users.oauth import clients
from users.oauth.endpoints import addresses
from users.oauth.forms import ClientForm
from users.oauth.models import Client, RefreshToken
from users.pages import PAGE

TO_SHOW = "oauth_secret_to_show"  # in the session: the one client whose secret the next page may show


@admin_page
def listing(request: HttpRequest) -> HttpResponse:
    """Show the clients."""
    live = Q(refreshtoken__revoked=None, refreshtoken__expires__gt=timezone.now())
    found = Client.objects.annotate(sign_ins=Count("refreshtoken", filter=live)).order_by("name")
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    return render(request, "users/clients.html", {"page": page})


@admin_page
def add(request: HttpRequest) -> HttpResponse:
    """Register a client; the next page shows its secret."""
    form = ClientForm(request.POST or None)
    client = Client()
    if form.is_valid() and store(request, client, form):
        return redirect("users:client_secret" if not client.is_public else "users:client", client.pk)
    return render(request, "users/client.html", {"form": form}, status=422 if form.errors else 200)


def store(request: HttpRequest, client: Client, form: ClientForm) -> bool:
    """Put the form's values into the client; return whether that was possible."""
    given = {**form.cleaned_data, "redirect_uris": "\n".join(form.cleaned_data["redirect_uris"].split())}
    try:
        made = clients.save_client(client, **given, **by(request))
    except ValidationError as error:
        for name, found in error.message_dict.items():
            form.add_error(name if name in form.fields else None, [said(message) for message in found])
        return False
    if made:
        request.session[TO_SHOW] = client.pk
    return True


@admin_page
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a client; see its settings and who signed in."""
    client = get_object_or_404(Client, pk=pk)
    form = ClientForm(request.POST or None, existing=client)
    if form.is_valid() and store(request, client, form):
        if request.session.get(TO_SHOW) == client.pk:  # it was public before
            return redirect("users:client_secret", pk)
        messages.success(request, _("Saved."))
        return redirect("users:client", pk)
    context = {"form": form, "client": get_object_or_404(Client, pk=pk), "people": people(client), **settings_of(request, client)}
    return render(request, "users/client.html", context, status=422 if form.errors else 200)


def people(client: Client) -> Any:
    """Return who signed in, one entry for each consent that still holds."""
    live = RefreshToken.objects.filter(application=client, revoked=None, expires__gt=timezone.now())
    families = RefreshToken.objects.filter(token_family__in=live.values("token_family"))
    return families.values("token_family", "user__name").annotate(since=Min("created"), latest=Max("created")).order_by("-latest")[:PAGE]


def settings_of(request: HttpRequest, client: Client) -> dict[str, Any]:
    """Return what is pasted into the other program: for Power Automate the identity provider "Generic OAuth 2"."""
    found = addresses(site_root(request))
    fields = [
        ("identity", _("Identity provider"), "Generic OAuth 2"),
        ("client-id", "Client id", client.client_id),
        ("authorization-url", "Authorization URL", found["authorization_endpoint"]),
        ("token-url", "Token URL", found["token_endpoint"]),
        ("refresh-url", "Refresh URL", found["token_endpoint"]),
        ("scope", "Scope", " ".join(client.scopes)),
        ("revocation-url", "Revocation URL", found["revocation_endpoint"]),
        ("metadata", _("All of it as a document"), f"{site_root(request)}/.well-known/oauth-authorization-server"),
    ]
    return {"fields": fields, "redirects": client.redirects, "is_plain": site_root(request).startswith("http:")}


@never_cache
@admin_page
def secret(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a secret that was made a moment ago, with the settings that it belongs to."""
    client = get_object_or_404(Client, pk=pk)
    if request.session.pop(TO_SHOW, None) != client.pk or not client.sealed:
        messages.info(request, _("The secret was shown once. A new one can take its place."))
        return redirect("users:client", pk)
    context = {"client": client, "secret": vault.reveal(client.sealed), **settings_of(request, client)}
    return render(request, "users/client_secret.html", context)


@require_POST
@admin_page
def rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a new secret; the old one ends at once."""
    client = get_object_or_404(Client, pk=pk)
    try:
        clients.rotate_secret(client, **by(request))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("users:client", pk)
    request.session[TO_SHOW] = client.pk
    return redirect("users:client_secret", pk)


@require_POST
@admin_page
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """End one sign-in of the client, or all."""
    client = get_object_or_404(Client, pk=pk)
    chosen = request.POST.get("family", "")
    found = RefreshToken.objects.filter(application=client)
    families = [one for one in set(found.values_list("token_family", flat=True)) if str(one) == chosen] if chosen else None
    clients.end_sign_ins(client, families, **by(request))
    messages.success(request, _("Ended: the tokens no longer work."))
    return redirect("users:client", pk)


@admin_page
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then delete a client with its tokens."""
    client = get_object_or_404(Client, pk=pk)
    if request.method == "POST":
        clients.delete_client(client, **by(request))
        messages.success(request, _("OAuth client %(name)s was deleted.") % {"name": client.name})
        return redirect("users:clients")
    return render(request, "users/client_delete.html", {"client": client, "people": people(client)})
