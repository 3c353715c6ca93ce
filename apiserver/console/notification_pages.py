"""Settings -> Notifications: how people and programs are told, a test, what was sent."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apiserver.console.notification_forms import NotificationForm
from apiserver.server import audit, notices, notifying
from apiserver.server import notification_settings as settings
from apiserver.server.addresses import caller
from apiserver.server.configuration_protocol import ConfigurationError
from apiserver.server.models import NoticeDelivery
from apiserver.ui.access import admin_page
from apiserver.ui.said import said

PAGE = 25


@admin_page
def notifications(request: HttpRequest) -> HttpResponse:
    """Show and change who is told."""
    before = settings.revealed()
    form = NotificationForm(before, request.POST or None)
    if form.is_bound and form.is_valid():
        try:
            after = settings.checked(form.settings(), before, before)
        except ConfigurationError as error:
            form.add_error(None, said(str(error)))
        else:
            if settings.store(after):
                note(request, "settings changed")
            messages.success(request, _("Saved."))
            made = [item for item in after["webhooks"] if item not in before["webhooks"]]
            if made and not form.cleaned_data["webhook_secret"]:
                return shown_once(request, made[-1]["secret"])
            return redirect("console:notifications")
    sent = NoticeDelivery.objects.select_related("notice").order_by("-pk")
    page = Paginator(sent, PAGE).get_page(request.GET.get("page"))
    context = {"form": form, "page": page, "has_ways": bool(notices.ways_of(before))}
    return render(request, "server/notifications.html", context, status=422 if form.errors else 200)


def shown_once(request: HttpRequest, secret: str) -> HttpResponse:
    """Show the secret that was made."""
    response = render(request, "server/notification_secret.html", {"secret": secret})
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@admin_page
def test(request: HttpRequest) -> HttpResponse:
    """Send a test on every way, now and once, and tell what came of it."""
    found = notifying.test(now=timezone.now())
    if found is None:
        messages.error(request, _("Nobody is told yet: enter a mail server with recipients, or an address, and save."))
        return redirect("console:notifications")
    note(request, "notifications tested")
    for delivery, outcome in found:
        tell(request, delivery, outcome)
    return redirect("console:notifications")


def tell(request: HttpRequest, delivery: NoticeDelivery, outcome: notifying.Outcome) -> None:
    """Tell what came of one way."""
    if outcome.is_taken and not outcome.error:
        messages.success(request, _("%(to)s: taken.") % {"to": delivery.shown})
    else:
        messages.error(request, f"{delivery.shown}: {said(outcome.error)}")


def note(request: HttpRequest, action: str) -> None:
    """Write what was done into the audit trail."""
    audit.record(action, who=request.user.get_username(), subject="notifications", address=caller(request).address)
