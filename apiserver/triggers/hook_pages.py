"""The webhooks of services, on the console: the address to paste at the service and the secret that signs its messages."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apiserver.server import audit
from apiserver.server.addresses import caller, site_root
from apiserver.triggers import incoming, ringing, signing
from apiserver.triggers.models import Hook
from apiserver.ui.access import admin_page
from connections.models import Connection

LONGEST_SECRET = 500


def connections() -> list[Connection]:
    """Return the connections whose services can tell of changes."""
    return list(Connection.objects.select_related("hook").filter(connector__in=incoming.KINDS))


@admin_page
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the address of a connection, and take the secret that the service made; ours is shown when it is made."""
    connection = get_object_or_404(Connection, pk=pk, connector__in=incoming.KINDS)
    kind = incoming.KINDS[connection.connector]
    hook = Hook.objects.filter(connection=connection).first()
    made, error = "", ""
    if request.method == "POST":
        secret = request.POST.get("secret", "").strip()
        if hook is not None and kind.is_given and not 8 <= len(secret) <= LONGEST_SECRET:
            error = _("Paste the signing secret that the service shows for this address.")
        else:
            made = "" if kind.is_given else signing.new_secret()
            given = secret if hook is not None and kind.is_given else signing.new_secret()
            hook = ringing.hook_of(connection, made or given, now=timezone.now())
            note(request, "webhook secret set", connection)
            if not made:
                messages.success(request, _("Saved."))
                return redirect("triggers:hook", pk)
    address = f"{site_root(request)}/hooks/{hook.public_id}" if hook else ""
    context = {"connection": connection, "hook": hook, "address": address, "is_given": kind.is_given, "made": made, "error": error}
    response = render(request, "triggers/hook.html", context, status=422 if error else 200)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@admin_page
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the address away."""
    hook = get_object_or_404(Hook.objects.select_related("connection"), connection=pk)
    note(request, "webhook deleted", hook.connection)
    hook.delete()
    messages.success(request, _("Deleted."))
    return redirect("triggers:list")


def note(request: HttpRequest, action: str, connection: Connection) -> None:
    """Write what was done into the audit trail."""
    audit.record(action, who=request.user.get_username(), subject=connection.name, address=caller(request).address)
