"""Who may open a page of the console: people who signed in, by role. Every page of every room passes here."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

Page = Callable[..., HttpResponseBase]
ADMIN = ("admin",)
CONSOLE = ("admin", "operator")


def page_for(roles: tuple[str, ...]) -> Callable[[Page], Page]:
    """Return a decorator that asks for a signed-in person of one of the roles."""

    def decorate(page: Page) -> Page:
        @wraps(page)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if getattr(request.user, "role", "") not in roles:
                return render(request, "console/refused.html", status=403)
            return page(request, *args, **kwargs)

        return login_required(guarded)

    return decorate


admin_page = page_for(ADMIN)
console_page = page_for(CONSOLE)
