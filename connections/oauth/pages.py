"""Signing in by OAuth in the console: Connect, the way back, a code to paste, Disconnect."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect

from apiserver.server import audit
from apiserver.server.addresses import caller, site_root
from apiserver.ui.access import CONSOLE, console_page
from apiserver.ui.said import said
from connections import services
from connections.connectors.registry import get_connector
from connections.contract.connector import Connector
from connections.contract.context import OAuthService
from connections.contract.errors import ConnectorError, InvalidProperties
from connections.contract.oauth import CALLBACK_PATH
from connections.forms import ConnectionForm
from connections.models import Connection, OAuthGrant, OAuthSignIn
from connections.oauth import grants, loopback, signin
from connections.oauth.calls import Granted
from connections.oauth.store import client_of

WARN = timedelta(days=14)


def browser_of(request: HttpRequest) -> str:
    """Return what tells this browser's session from all others; '' for a stranger."""
    key = request.session.session_key
    return f"{key}:{request.user.pk}" if key and request.user.is_authenticated else ""


def callback_of(request: HttpRequest) -> str:
    """Return the address to which services send the browser back."""
    return f"{site_root(request)}{CALLBACK_PATH}"


def panel(request: HttpRequest, connector: Connector, existing: Connection | None, draft: OAuthSignIn | None) -> dict[str, Any] | None:
    """Return what the form shows of signing in; None for connectors that do not by OAuth."""
    declared = [item for item in connector.properties if item.name == "CallbackURL"]
    if not declared:
        return None
    shown = declared[0].shown_when
    found: dict[str, Any] = {"callback": callback_of(request), "shown_when": shown, "draft": draft}
    if shown:
        found |= {"field": shown[0], "values": "|".join(map(str, shown[1]))}
    granted = signin.opened(draft).granted if draft else None
    if granted:
        now = draft.expires - signin.DRAFT  # type: ignore[union-attr]
        expires = now + timedelta(seconds=granted.seconds) if granted.seconds is not None else None
        found["grant"] = OAuthGrant(account=granted.account, scopes=list(granted.scopes), expires=expires, refreshed=now, connected=now)
    elif existing:
        found["grant"] = grants.grant_of(existing)
        found |= idle(connector, existing, found["grant"])
    return found


def idle(connector: Connector, existing: Connection, grant: OAuthGrant | None) -> dict[str, Any]:
    """Return when the service forgets a grant that nobody uses, and whether that is near."""
    try:
        service = grants.service_of(connector, services.values_of(existing))
    except (ConnectorError, ImportError):
        return {}
    if grant is None or service is None or not service.idle_days or not grant.refresh:
        return {}
    forgets = grant.refreshed + timedelta(days=service.idle_days)
    return {"forgets": forgets, "is_near": forgets - timezone.now() < WARN}


def draft_of(request: HttpRequest, connector: Connector) -> OAuthSignIn | None:
    """Return the sign-in that waits for its connection to be stored, named by the form or the address."""
    number = request.POST.get("draft") or request.GET.get("draft") or ""
    if not number.isdecimal() or not browser_of(request):
        return None
    found: OAuthSignIn | None = (
        signin.drafts(browser_of(request), now=timezone.now()).filter(pk=int(number[:18]), connector=connector.key).first()
    )
    return found


def form_of(connector: Connector, draft: OAuthSignIn, data: Any) -> ConnectionForm:
    """Return the form with what was kept while the browser was away."""
    kept = signin.opened(draft)
    form = ConnectionForm(connector, data, kept=kept.values)
    form.initial.update(kept.fields)
    return form


def attach(request: HttpRequest, connection: Connection, draft: OAuthSignIn) -> None:
    """Give a stored connection what was signed in for it; the draft is used up."""
    kept, connector = signin.opened(draft), get_connector(connection.connector)
    values = services.values_of(connection)
    service, before = grants.service_of(connector, values), grants.service_of(connector, kept.values)
    draft.delete()
    if kept.granted is None or service is None or before is None:
        return
    if client_of(before) == client_of(service):
        grants.store_grant(connection, service, kept.granted, values, now=draft.expires - signin.DRAFT)
    else:
        messages.warning(request, _("The OAuth client was changed after you signed in: connect again."))


def connect(request: HttpRequest, form: ConnectionForm, connector: Connector, existing: Connection | None) -> HttpResponse | None:
    """Begin to sign in with what the form holds; None when it can't be, with the reason at its field."""
    form.is_valid()
    try:
        values = {**(services.values_of(existing) if existing else {}), **form.values()}
        service = grants.service_of(connector, values)
        if service is None or service.flow != "code":
            form.add_error(None, _("These properties do not sign in through a browser: save and test the connection."))
            return None
        if existing and form.errors:
            return None
        if existing:
            existing = services.save_connection(connector=connector.key, values=form.values(), existing=existing, **form.settings())
        return leave(request, service, connector, existing, values, form)
    except InvalidProperties as error:
        form.add_errors(error.errors)
    except ConnectorError as error:
        form.add_error(None, f"{said(error.message)} {said(error.hint)}")
    return None


def leave(
    request: HttpRequest,
    service: OAuthService,
    connector: Connector,
    existing: Connection | None,
    values: Mapping[str, Any],
    form: ConnectionForm,
) -> HttpResponse:
    """Send the browser to the service; to the page for codes when its answer could not come back by itself."""
    callback = str(values.get("CallbackURL") or "")
    is_desktop = callback != callback_of(request) and loopback.port_of(callback) != 0
    is_pasted = request.POST.get("connect") == "code" or (is_desktop and not is_here(request))
    row, address = signin.begin(
        service,
        browser=browser_of(request),
        connector=connector.key,
        connection=existing,
        values={} if existing else values,
        fields={name: form.data.get(name, "") for name in ("name", "labels", "read_only", "max_rows")},
        redirect_uri=callback or callback_of(request),
        now=timezone.now(),
    )
    if is_pasted:
        return onward(request, reverse("connections:oauth_code", args=[row.pk]))
    if is_desktop:
        loopback.listen(callback, state=row.state, onward=callback_of(request))
    return onward(request, address)


def is_here(request: HttpRequest) -> bool:
    """Claim that the browser runs on this machine."""
    return caller(request).address in ("127.0.0.1", "::1")


def onward(request: HttpRequest, address: str) -> HttpResponse:
    """Lead the browser there: by script, else by a page, for the policy of forms lets none of them lead to another site."""
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponseClientRedirect(address)
    return render(request, "connections/oauth_leave.html", {"address": address})


@never_cache
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Take the service's answer."""
    if getattr(request.user, "role", "") not in CONSOLE:
        failure = _("You are not signed in to this console, or your session ended. Sign in, then press Connect again.")
        return render(request, "connections/oauth_failed.html", {"failure": failure}, status=403)
    return taken(request, {name: request.GET.getlist(name) for name in request.GET})


def taken(request: HttpRequest, parameters: Mapping[str, list[str]]) -> HttpResponse:
    """Finish the sign-in that the answer names and lead back to its form."""
    now = timezone.now()
    try:
        row = signin.claim(browser_of(request), parameters, now=now)
    except signin.SignInRefused as error:
        context = {"failure": f"{said(error.message)} {said(error.hint)}", "is_repeated": isinstance(error, signin.SignInRepeated)}
        return render(request, "connections/oauth_failed.html", context, status=400)
    connection, pk = row.connection, row.pk
    connector = get_connector(row.connector)
    values = services.values_of(connection) if connection else signin.opened(row).values
    try:
        service = grants.service_of(connector, values)
        if service is None:
            raise InvalidProperties({"AuthScheme": "the connection no longer signs in by OAuth"})
        granted = signin.finish(row, service, parameters, now=now)
        if connection:
            grants.store_grant(connection, service, granted, values, now=now)
        welcome(request, granted, connection.name if connection else connector.label)
    except ConnectorError as error:
        messages.error(request, f"{said(error.message)} {said(getattr(error, 'hint', ''))}".strip())
    if connection:
        return redirect("connections:edit", connection.pk)
    return redirect(f"{reverse('connections:add', args=[connector.key])}?{urlencode({'draft': pk})}")


def welcome(request: HttpRequest, granted: Granted, subject: str) -> None:
    """Say who signed in, on the page and in the audit trail."""
    audit.record("signed in at a service", who=request.user.get_username(), subject=subject, address=caller(request).address)
    if granted.account:
        messages.success(request, _("Connected as %(account)s.") % {"account": granted.account})
    else:
        messages.success(request, _("Connected."))


@never_cache
@console_page
def code(request: HttpRequest, pk: int) -> HttpResponse:
    """Show where to sign in, on any machine, and take the code or the address where it ended."""
    row = get_object_or_404(signin.waiting(browser_of(request), now=timezone.now()), pk=pk)
    begun, connector = signin.opened(row), get_connector(row.connector)
    values = services.values_of(row.connection) if row.connection else begun.values
    if request.method == "POST" and request.POST.get("verifier", "").strip():
        return taken(request, signin.pasted(request.POST["verifier"], begun.state))
    service = grants.service_of(connector, values)
    address = signin.address_of(service, begun) if service else ""
    context = {"connector": connector, "address": address, "redirect_uri": begun.redirect_uri, "expires": row.expires}
    return render(request, "connections/oauth_code.html", context)


@require_POST
@console_page
def disconnect(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget the grant, here and at the service."""
    connection = get_object_or_404(Connection, pk=pk)
    try:
        left = grants.disconnect(connection, services.values_of(connection))
    except ConnectorError as error:
        messages.error(request, f"{said(error.message)} {said(error.hint)}")
        return redirect("connections:edit", pk)
    audit.record("signed out at a service", who=request.user.get_username(), subject=connection.name, address=caller(request).address)
    messages.success(request, _("Disconnected: the tokens are deleted here."))
    if left:
        messages.warning(request, said(left))
    return redirect("connections:edit", pk)
