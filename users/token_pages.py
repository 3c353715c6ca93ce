"""Authtokens on the Users page: made, rotated, revoked, and shown once after a deliberate click."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apiserver.server import options
from apiserver.server.addresses import service_root
from apiserver.ui.access import admin_page
from users import services, tokens
from users.acting import by
from users.models import Authtoken, User

OVERLAP_HOURS = (0, 1, 24, 168)
DEFAULT_OVERLAP = 24
LOOPBACK = {"127.0.0.1", "::1"}
TO_SHOW = "authtoken_to_show"  # in the session: the one authtoken that the next page may show


def show_once(request: HttpRequest, user: User) -> HttpResponse:
    """Lead to the page that shows the user's newest authtoken; loading that page again shows nothing and makes nothing."""
    newest = tokens.live(user, now=timezone.now())[0]
    request.session[TO_SHOW] = newest.pk
    return redirect("users:authtoken", newest.pk)


@never_cache
@admin_page
def authtoken(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an authtoken that was made or revealed a moment ago."""
    token = get_object_or_404(Authtoken.objects.select_related("user"), pk=pk)
    if request.session.pop(TO_SHOW, None) != token.pk:
        messages.info(request, _("The authtoken was shown once. Reveal it to see it again; that is recorded."))
        return redirect("users:edit", token.user_id)
    text = tokens.reveal(token)
    root = service_root(request, None)
    trusted = options.current().trusted_addresses
    in_url = f"{root}/@{text}/$oas" if options.current().allow_authtoken_in_url else ""
    context = {"person": token.user, "text": text, "root": root, "oas": f"{root}/$oas", "oas_in_url": in_url}
    context |= {
        "curl": f"curl -H 'x-cdata-authtoken: {text}' '{root}/'",
        "trusted": ", ".join(trusted),
        "is_local": set(trusted) <= LOOPBACK,
    }
    return render(request, "users/authtoken.html", context)


@require_POST
@admin_page
def reveal(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an authtoken again; that is recorded."""
    token = get_object_or_404(Authtoken.objects.select_related("user"), pk=pk)
    services.reveal_token(token, **by(request))
    request.session[TO_SHOW] = token.pk
    return redirect("users:authtoken", token.pk)


@require_POST
@admin_page
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """End an authtoken at once."""
    token = get_object_or_404(Authtoken.objects.select_related("user"), pk=pk)
    services.revoke_token(token, now=timezone.now(), **by(request))
    messages.success(request, _("The authtoken no longer works."))
    return redirect("users:edit", token.user_id)


@require_POST
@admin_page
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """Give one more authtoken; the others stay."""
    user = get_object_or_404(User, pk=pk)
    services.add_token(user, now=timezone.now(), note=request.POST.get("note", ""), **by(request))
    return show_once(request, user)


@require_POST
@admin_page
def rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a new authtoken; the old ones work for some hours more, so that clients can be changed one by one."""
    user = get_object_or_404(User, pk=pk)
    asked = request.POST.get("overlap", "")
    hours = int(asked) if asked.isdigit() and int(asked) in OVERLAP_HOURS else DEFAULT_OVERLAP
    services.rotate_token(user, now=timezone.now(), overlap=timedelta(hours=hours), **by(request))
    messages.info(request, _("Older authtokens of this user end in %(hours)s hours.") % {"hours": hours})
    return show_once(request, user)
