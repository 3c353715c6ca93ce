"""Triggers: everybody's subscriptions, one of them with its deliveries; test, replay, rotate and delete."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apiserver.odata.errors import ODataError
from apiserver.odata.service import readable
from apiserver.resources.services import catalog_for
from apiserver.server import audit
from apiserver.server.addresses import caller
from apiserver.triggers import hook_pages, signing, standing, telling
from apiserver.triggers import messages as bodies
from apiserver.triggers.matching import matcher
from apiserver.triggers.models import Delivery, Subscription
from apiserver.ui.access import admin_page, console_page
from users.principal import principal_of

PAGE = 50


@console_page
def listing(request: HttpRequest) -> HttpResponse:
    """Show the subscriptions, a page at a time."""
    text = request.GET.get("q", "").strip()
    found = Subscription.objects.select_related("resource", "user")
    if text:
        found = found.filter(Q(resource__name__icontains=text) | Q(user__name__icontains=text) | Q(host__icontains=text))
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "q": text, "has_any": bool(text or page.object_list), "services": hook_pages.connections()}
    return render(request, "triggers/list.html", context)


@console_page
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one subscription and its deliveries, newest first."""
    found = get_object_or_404(Subscription.objects.select_related("resource", "user"), pk=pk)
    page = Paginator(found.deliveries.order_by("-pk"), PAGE).get_page(request.GET.get("page"))
    return render(request, "triggers/one.html", {"it": found, "page": page, "error": standing.problems_of([found]).get(found.pk, "")})


@require_POST
@console_page
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the sample message."""
    found = get_object_or_404(Subscription.objects.select_related("resource", "user"), pk=pk)
    catalog = readable(catalog_for(principal_of(found.user)))
    resource = next((item for item in catalog.resources.values() if item.id == found.resource.public_id), None)
    if resource is None:
        messages.error(request, _("Its user may not read the resource."))
        return redirect("triggers:show", pk)
    try:
        telling.send_test(found, bodies.sample(matcher(catalog, resource, ""), found.event), now=timezone.now())
    except ODataError as error:
        messages.error(request, f"{error.message} {error.hint}")
        return redirect("triggers:show", pk)
    note(request, "subscription tested", found)
    messages.success(request, _("The sample is on its way: see its delivery."))
    return redirect("triggers:show", pk)


@require_POST
@console_page
def replay(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a delivery again."""
    found = get_object_or_404(Delivery.objects.select_related("subscription"), pk=pk)
    try:
        telling.replay(found.subscription, found, now=timezone.now())
    except ODataError as error:
        messages.error(request, f"{error.message} {error.hint}")
    else:
        note(request, "delivery replayed", found.subscription)
        messages.success(request, _("It is sent again, with the id that it had."))
    return redirect("triggers:show", found.subscription.pk)


@require_POST
@admin_page
def rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a new secret and show it once."""
    found = get_object_or_404(Subscription.objects.select_related("resource", "user"), pk=pk)
    secret = signing.rotate(found, now=timezone.now())
    note(request, "subscription secret rotated", found)
    response = render(request, "triggers/secret.html", {"it": found, "secret": secret})
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@admin_page
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a subscription with its deliveries."""
    found = get_object_or_404(Subscription, pk=pk)
    note(request, "subscription deleted", found)
    found.delete()
    messages.success(request, _("Deleted."))
    return redirect("triggers:list")


def note(request: HttpRequest, action: str, found: Subscription) -> None:
    """Write what was done into the audit trail."""
    audit.record(action, who=request.user.get_username(), subject=found.public_id, address=caller(request).address)
