"""Users: the list, Add User, change, switch off, delete. Only administrators come here."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apiserver.server import requestlog
from apiserver.ui.access import admin_page
from users import services, tokens
from users.acting import by
from users.forms import UserForm
from users.models import PRIVILEGES, ROLES, User
from users.token_pages import show_once

PAGE = 50
DAYS = 7


@admin_page
def listing(request: HttpRequest) -> HttpResponse:
    """Show the users, a page at a time, authtokens masked."""
    text, role = request.GET.get("q", "").strip(), request.GET.get("role", "")
    found = User.objects.prefetch_related("authtokens", "groups")
    found = found.filter(name__icontains=text) if text else found
    found = found.filter(role=role) if role in ROLES else found
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    now = timezone.now()
    rows = [{"it": user, "tokens": tokens.live(user, now=now)} for user in page]
    return render(
        request, "users/list.html", {"rows": rows, "page": page, "q": text, "role": role, "roles": ROLES, "privileges": PRIVILEGES}
    )


@never_cache
@admin_page
def add(request: HttpRequest) -> HttpResponse:
    """Make a user with an authtoken, which the next page shows."""
    form = UserForm(request.POST or None)
    if form.is_bound and form.is_valid():
        with transaction.atomic():
            user = store(request, User(), form)
            services.add_token(user, now=timezone.now(), **by(request))
        return show_once(request, user)
    return render(request, "users/form.html", {"form": form}, status=422 if form.errors else 200)


def store(request: HttpRequest, user: User, form: UserForm) -> User:
    """Put the form's values into the user."""
    services.save_user(user, groups=list(form.cleaned_data["groups"]), **form.values(), **by(request))
    if form.cleaned_data["password"]:
        services.set_password(user, form.cleaned_data["password"], **by(request))
    return user


@never_cache
@admin_page
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a user; see the authtokens and the rights."""
    user = get_object_or_404(User, pk=pk)
    form = UserForm(request.POST or None, existing=user)
    if form.is_bound and form.is_valid():
        try:
            with transaction.atomic():
                store(request, user, form)
        except ValidationError as error:
            form.add_error("role", error.messages)
        else:
            if user.pk == request.user.pk:
                update_session_auth_hash(request, user)
            messages.success(request, _("Saved."))
            return redirect("users:edit", pk)
        user.refresh_from_db()
    live: list[Any] = tokens.live(user, now=timezone.now())
    return render(request, "users/form.html", {"form": form, "person": user, "tokens": live}, status=422 if form.errors else 200)


@require_POST
@admin_page
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a user in or keep them out."""
    user = get_object_or_404(User, pk=pk)
    try:
        services.save_user(user, is_active=not user.is_active, **by(request))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("users:list")


@admin_page
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then delete a user with every authtoken."""
    user = get_object_or_404(User, pk=pk)
    problem = _("You can't delete yourself.") if user.pk == request.user.pk else ""
    if request.method == "POST" and not problem:
        try:
            services.delete_user(user, **by(request))
        except ValidationError as error:
            problem = " ".join(error.messages)
        else:
            messages.success(request, _("User %(name)s was deleted.") % {"name": user.name})
            return redirect("users:list")
    now = timezone.now()
    context = {
        "person": user,
        "problem": problem,
        "tokens": tokens.live(user, now=now),
        "asked": requestlog.resources_of(user.name, since=now.timestamp() - DAYS * 86400),
        "days": DAYS,
    }
    return render(request, "users/delete.html", context, status=409 if request.method == "POST" else 200)
