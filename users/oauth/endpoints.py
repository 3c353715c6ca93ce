"""What programs call: tokens for codes, refreshed, revoked; and the document that tells of it (RFC 6749, 7009, 8414)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from apiserver.server.addresses import site_root
from apiserver.server.errors import answering
from users.authentication import address_of
from users.oauth.scopes import ALL
from users.oauth.server import BEGAN, core
from users.throttle import AUTHTOKENS
from users.tokens import digest

FORM = "application/x-www-form-urlencoded"
GUESSES = ("invalid_client", "invalid_grant")
METHODS_OF_CLIENTS = ["client_secret_basic", "client_secret_post", "none"]
Answer = tuple[dict[str, str], str, int]


@csrf_exempt
def token(request: HttpRequest) -> HttpResponse:
    """Give tokens for a code or a refresh token."""
    return posted(request, token_answer)


@csrf_exempt
def revoke(request: HttpRequest) -> HttpResponse:
    """End a token."""
    return posted(request, revocation_answer)


def token_answer(request: HttpRequest) -> Answer:
    """Return headers, body and status of the token endpoint."""
    _, headers, body, status = core().create_token_response(request)
    return headers, body, status


def revocation_answer(request: HttpRequest) -> Answer:
    """Return headers, body and status of the revocation endpoint."""
    _, headers, body, status = core().create_revocation_response(request)
    return headers, body, status


def posted(request: HttpRequest, answer: Callable[[HttpRequest], Answer]) -> HttpResponse:
    """Answer a form that a program posted, as one transaction: a code or a refresh token serves one of two requests at once."""
    if request.method == "OPTIONS":
        return HttpResponse(status=204, headers={"Allow": "POST, OPTIONS"})
    problem = problem_of(request)
    if problem is not None:
        return problem
    BEGAN.set(timezone.now())
    with answering(), transaction.atomic():
        headers, body, status = answer(request)
    given = request.POST.get("client_secret") or request.POST.get("code") or request.POST.get("refresh_token") or ""
    if status in (400, 401) and any(f'"{name}"' in body for name in GUESSES):
        AUTHTOKENS.failed(address_of(request), digest(given + request.headers.get("Authorization", "")))
    response = HttpResponse(body, status=status, content_type="application/json")
    for name, value in headers.items():
        response[name] = value
    if status == 401:
        response["WWW-Authenticate"] = 'Basic realm="API Server", charset="UTF-8"'
    response["Cache-Control"] = "no-store"
    return response


def problem_of(request: HttpRequest) -> HttpResponse | None:
    """Return what is wrong with a request before its words are read; None for nothing."""
    if request.method != "POST":
        response = failed("invalid_request", "Send a POST.", 405)
        response["Allow"] = "POST, OPTIONS"
        return response
    wait = AUTHTOKENS.wait(address_of(request))
    if wait:
        response = failed("temporarily_unavailable", "Too many wrong secrets came from this address.", 429)
        response["Retry-After"] = str(wait)
        return response
    if request.content_type != FORM:
        return failed("invalid_request", f"Send the parameters in the body, as {FORM}.", 400)
    several = sorted(name for name, values in request.POST.lists() if len(values) > 1)
    if several:
        return failed("invalid_request", f"Given more than once: {', '.join(several)[:100]}.", 400)
    return (
        failed("invalid_request", "The body holds a null character.", 400)
        if any("\0" in value for value in request.POST.values())
        else None
    )


def failed(code: str, description: str, status: int) -> HttpResponse:
    """Return an error (RFC 6749, 5.2)."""
    return JsonResponse({"error": code, "error_description": description}, status=status)


def addresses(root: str) -> dict[str, str]:
    """Return the addresses of sign-in on a site, by their names in RFC 8414."""
    words = {"authorization_endpoint": "authorize", "token_endpoint": "token", "revocation_endpoint": "revoke"}
    return {name: f"{root}/oauth/{word}" for name, word in words.items()}


@csrf_exempt
def metadata(request: HttpRequest) -> HttpResponse:
    """Tell programs where and how to sign in (RFC 8414)."""
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD, OPTIONS"})
    root = site_root(request)
    told: dict[str, Any] = {
        "issuer": root,
        **addresses(root),
        "scopes_supported": list(ALL),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": METHODS_OF_CLIENTS,
        "revocation_endpoint_auth_methods_supported": METHODS_OF_CLIENTS,
        "authorization_response_iss_parameter_supported": True,
    }
    return JsonResponse(told)
