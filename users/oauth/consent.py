"""The authorize page: who wants what, who consents, and back to the program (RFC 6749, 4.1; RFC 9207)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from oauth2_provider.exceptions import FatalClientError, OAuthToolkitError
from oauthlib.oauth2 import OAuth2Error

from apiserver.server import audit
from apiserver.server.addresses import caller, site_root
from apiserver.server.middleware import POLICY
from users.models import User
from users.oauth.models import Client
from users.oauth.scopes import METHODS, WORDS
from users.oauth.server import core
from users.oauth.sign_in import TooMany, user_of
from users.principal import principal_of

# The browser would check where the answer of the form leads, and every address behind it: programs redirect on to where they please.
CONSENT_POLICY = POLICY.replace("form-action 'self'; ", "")


class ConsentForm(forms.Form):
    """Who consents, where nobody is signed in to the console."""

    name = forms.CharField(
        label=gettext_lazy("User name"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    secret = forms.CharField(
        label=gettext_lazy("Authtoken or password"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text=gettext_lazy("The authtoken that your administrator gave you. Who signs in to the console uses the password."),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """Show who wants what; go back to the program with a code, or with an error."""
    response = answered(request)
    response["Content-Security-Policy"] = CONSENT_POLICY
    response["Cross-Origin-Opener-Policy"] = "unsafe-none"  # the window that opened this one waits for the program's page in it
    return response


def answered(request: HttpRequest) -> HttpResponse:
    """Check what is asked for before anybody is asked anything."""
    try:
        scopes, asked = core().validate_authorization_request(request)
    except FatalClientError as error:
        return refused(request, error.oauthlib_error)
    except OAuthToolkitError as error:
        return told(request, error.oauthlib_error)
    except ValueError:
        return render(request, "users/oauth_refused.html", {"reason": _("The address can't be read.")}, status=400)
    return decided(request, scopes, asked) if request.method == "POST" else page(request, scopes, asked, ConsentForm())


def refused(request: HttpRequest, error: OAuth2Error) -> HttpResponse:
    """Say on a page of ours what is wrong: nobody knows that the address in the request is the program's."""
    return render(request, "users/oauth_refused.html", {"reason": error.description or error.error}, status=400)


def told(request: HttpRequest, error: OAuth2Error) -> HttpResponse:
    """Tell the program, at its registered address, what is wrong."""
    return back(request, error.in_uri(error.redirect_uri))


def back(request: HttpRequest, address: str) -> HttpResponse:
    """Lead back to the program; the issuer says which server answered (RFC 9207)."""
    mark = "&" if "?" in address or "#" in address else "?"
    return HttpResponse(status=302, headers={"Location": f"{address}{mark}iss={quote(site_root(request), safe='')}"})


def decided(request: HttpRequest, scopes: list[str], asked: dict[str, Any]) -> HttpResponse:
    """Give a code for the user who consents."""
    if request.POST.get("decision") != "allow":
        return back(request, denied(asked))
    form = ConsentForm(request.POST)
    try:
        user = signed_in(request) or (form.is_valid() and user_of(request, **form.cleaned_data)) or None
    except TooMany as error:
        form.add_error(None, _("Too many wrong authtokens or passwords came from your address. Wait a minute."))
        response = page(request, scopes, asked, form, status=429)
        response["Retry-After"] = str(error.seconds)
        return response
    if user is None:
        if not form.errors:
            form.add_error(None, _("User name and authtoken or password do not belong together."))
            audit.record("sign-in refused", who=form.cleaned_data["name"], address=caller(request).address)
        return page(request, scopes, asked, form, status=403)
    return granted(request, user, scopes, asked)


def denied(asked: Mapping[str, Any]) -> str:
    """Return where to say that the user does not want it."""
    mark = "&" if urlsplit(asked["redirect_uri"]).query else "?"
    state = f"&state={quote(asked['state'], safe='')}" if asked["state"] else ""
    return f"{asked['redirect_uri']}{mark}error=access_denied{state}"


@transaction.atomic
def granted(request: HttpRequest, user: User, scopes: list[str], asked: dict[str, Any]) -> HttpResponse:
    """Store the code, note it in the audit trail, and lead back."""
    given = {**asked, "user": user}
    client: Client = given.pop("request").client
    uri, method, body, headers = core()._extract_params(request)
    try:
        found, _body, _status = core().server.create_authorization_response(uri, method, body, headers, scopes, given)
    except OAuth2Error as error:  # the client was changed or deleted meanwhile
        return refused(request, error)
    audit.record("access granted", who=user.name, subject=client.name, address=caller(request).address, scopes=sorted(scopes))
    return back(request, found["Location"])


def signed_in(request: HttpRequest) -> User | None:
    """Return who is signed in to the console, unless somebody else wants to consent."""
    user = request.user
    return user if isinstance(user, User) and "name" not in request.POST and "other" not in request.GET else None


def page(request: HttpRequest, scopes: list[str], asked: Mapping[str, Any], form: ConsentForm, status: int = 200) -> HttpResponse:
    """Return the page that asks."""
    client, user = asked["request"].client, signed_in(request)
    held = principal_of(user).privileges if user else None
    context = {
        "client": client,
        "host": urlsplit(asked["redirect_uri"]).netloc,
        "scopes": [
            {"words": WORDS[name], "is_lacking": held is not None and name in METHODS and not held & set(METHODS[name])}
            for name in WORDS
            if name in scopes
        ],
        "person": user,
        "form": form,
        "here": request.get_full_path(),
    }
    return render(request, "users/oauth_consent.html", context, status=status)
