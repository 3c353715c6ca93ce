"""Users: the list, Add User, authtokens revealed and rotated. Only administrators come here."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apiserver.server import audit, stamp
from apiserver.server.addresses import caller
from apiserver.ui.access import admin_page
from users import tokens
from users.forms import UserForm
from users.models import User

OVERLAP = timedelta(hours=24)


def note(request: HttpRequest, action: str, subject: str) -> None:
    """Write what was done into the audit trail."""
    audit.record(action, who=request.user.get_username(), subject=subject, address=caller(request).address)


@admin_page
def listing(request: HttpRequest) -> HttpResponse:
    """Show every user, authtokens masked."""
    now = timezone.now()
    rows = []
    for user in User.objects.prefetch_related("authtokens"):
        live = [t for t in user.authtokens.all() if t.revoked is None and (t.expires is None or t.expires > now)]  # type: ignore[attr-defined]
        rows.append({"it": user, "token": live[0] if live else None, "count": len(live)})
    return render(request, "users/list.html", {"rows": rows})


@never_cache
@admin_page
def add(request: HttpRequest) -> HttpResponse:
    """Make a user with an authtoken, which the answer shows."""
    form = UserForm(request.POST or None)
    if form.is_bound and form.is_valid():
        with transaction.atomic():
            user = User(name=form.cleaned_data["name"])
            store(user, form)
            text = tokens.generate(user, now=timezone.now())
            note(request, "user added", user.name)
        return shown(request, user, text, is_new=True)
    return render(request, "users/form.html", {"form": form}, status=422 if form.errors else 200)


def store(user: User, form: UserForm) -> None:
    """Put the form's values into the user."""
    given = form.cleaned_data
    user.name, user.role, user.privileges = given["name"], given["role"], given["privileges"]
    if given["password"]:
        user.set_password(given["password"])
    elif user.pk is None:
        user.set_unusable_password()
    user.save()
    stamp.changed()


def shown(request: HttpRequest, user: User, text: str, *, is_new: bool) -> HttpResponse:
    """Show an authtoken in this one answer; it is stored nowhere in plain."""
    return render(request, "users/authtoken.html", {"person": user, "text": text, "is_new": is_new})


@never_cache
@admin_page
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a user; see the authtokens."""
    user = get_object_or_404(User, pk=pk)
    form = UserForm(request.POST or None, existing=user)
    if form.is_bound and form.is_valid():
        if form.cleaned_data["role"] != "admin" and is_last_admin(user):
            form.add_error("role", _("This is the last active administrator."))
        else:
            store(user, form)
            if user.pk == request.user.pk:
                update_session_auth_hash(request, user)
            note(request, "user changed", user.name)
            messages.success(request, _("Saved."))
            return redirect("users:edit", pk)
    context = {"form": form, "person": user, "tokens": tokens.live(user, now=timezone.now())}
    return render(request, "users/form.html", context, status=422 if form.errors else 200)


def is_last_admin(user: User) -> bool:
    """Claim that nobody else could administer."""
    others = User.objects.filter(role="admin", is_active=True).exclude(pk=user.pk)
    return user.role == "admin" and user.is_active and not others.exists()


@never_cache
@require_POST
@admin_page
def reveal(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the newest authtoken that works."""
    user = get_object_or_404(User, pk=pk)
    live = tokens.live(user, now=timezone.now())
    if not live:
        messages.error(request, _("The user has no authtoken that works. Rotate to make one."))
        return redirect("users:list")
    note(request, "authtoken revealed", user.name)
    return shown(request, user, tokens.reveal(live[0]), is_new=False)


@never_cache
@require_POST
@admin_page
def rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a new authtoken; the old ones work for 24 hours more."""
    user = get_object_or_404(User, pk=pk)
    text = tokens.rotate(user, now=timezone.now(), overlap=OVERLAP)
    note(request, "authtoken rotated", user.name)
    messages.info(request, _("Older authtokens of this user end in 24 hours."))
    return shown(request, user, text, is_new=True)


@require_POST
@admin_page
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a user in or keep them out."""
    user = get_object_or_404(User, pk=pk)
    if is_last_admin(user):
        messages.error(request, _("This is the last active administrator."))
        return redirect("users:list")
    user.is_active = not user.is_active
    user.save(update_fields=["is_active"])
    stamp.changed()
    note(request, "user switched on" if user.is_active else "user switched off", user.name)
    return redirect("users:list")


@admin_page
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then delete a user with every authtoken."""
    user = get_object_or_404(User, pk=pk)
    is_kept = user.pk == request.user.pk or is_last_admin(user)
    if request.method == "POST" and not is_kept:
        name = user.name
        user.delete()
        stamp.changed()
        note(request, "user deleted", name)
        messages.success(request, _("User %(name)s was deleted.") % {"name": name})
        return redirect("users:list")
    context = {"person": user, "is_kept": is_kept}
    return render(request, "users/delete.html", context, status=409 if request.method == "POST" else 200)
