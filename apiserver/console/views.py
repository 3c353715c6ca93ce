"""Sign-in, the first administrator, Status."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apiserver.console import overview
from apiserver.console.forms import PasswordForm, SetupForm, SignInForm
from apiserver.resources.models import Resource
from apiserver.server import audit, requestlog
from apiserver.server.addresses import caller, service_root
from apiserver.ui.access import CONSOLE, console_page
from users.models import User
from users.setup import consume_setup, is_setup_valid


def sign_in(request: HttpRequest) -> HttpResponse:
    """Let an administrator or operator in."""
    form = SignInForm(request.POST or None)
    if form.is_valid():
        user = authenticate(request, username=form.cleaned_data["name"], password=form.cleaned_data["password"])
        if user is not None and user.role in CONSOLE:
            login(request, user)
            audit.record("signed in", who=user.get_username(), address=caller(request).address)
            return redirect(asked_for(request))
        audit.record("sign-in refused", who=form.cleaned_data["name"], address=caller(request).address)
        form.add_error(None, _("Name and password do not belong to someone who may sign in here."))
    return render(request, "console/sign_in.html", {"form": form}, status=403 if form.errors else 200)


def asked_for(request: HttpRequest) -> str:
    """Return the page that led to the sign-in page, else Status; never an address elsewhere."""
    wanted = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None, require_https=request.is_secure())
    return wanted if wanted and is_ours else reverse("console:status")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect("console:sign_in")


@console_page
def account(request: HttpRequest) -> HttpResponse:
    """Change the own password; the other sessions of the user end."""
    user = cast(User, request.user)
    form = PasswordForm(user, request.POST or None)
    if form.is_valid():
        user.set_password(form.cleaned_data["password"])
        user.save(update_fields=["password"])
        update_session_auth_hash(request, user)
        audit.record("password changed", who=user.get_username(), address=caller(request).address)
        messages.success(request, _("The password was changed."))
        return redirect("console:account")
    return render(request, "console/account.html", {"form": form}, status=422 if form.errors else 200)


def setup(request: HttpRequest, token: str) -> HttpResponse:
    """Make the first administrator by the one-time link."""
    now = timezone.now()
    if not is_setup_valid(token, now=now):
        return render(request, "console/setup.html", {"form": None}, status=410)
    form = SetupForm(request.POST or None)
    if form.is_valid():
        values = form.cleaned_data
        admin = consume_setup(token, name=values["name"], password=values["password"], now=now)
        if admin is not None:
            login(request, admin)
            return redirect("console:status")
    return render(request, "console/setup.html", {"form": form})


@console_page
def status(request: HttpRequest) -> HttpResponse:
    """Show what is to be done, what is open, how it goes, and what happened last."""
    latest: list[dict[str, Any]] = requestlog.search(limit=15, since=time.time() - 86400, is_by_client=True)
    for entry in latest:
        entry["time"] = dt.datetime.fromtimestamp(entry["at"], dt.UTC)
    root = service_root(request, None)
    steps = overview.steps(request.user.role)  # type: ignore[union-attr]
    context = {
        "steps": steps,
        "is_new": not all(step.is_done for step in steps),
        "warnings": overview.warnings(),
        "hour": requestlog.summary(time.time() - 3600),
        "connections": overview.health(),
        "counts": {"resources": Resource.objects.count(), "users": User.objects.count()},
        "requests": latest,
        "root": root,
        "oas": f"{root}/$oas",
        "version": overview.product_version(),
        "data_dir": settings.DATA_DIR,
    }
    return render(request, "console/status.html", context)
