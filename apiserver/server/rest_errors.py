"""Errors of the management API in the form of the API's own: code, message with what to do, target, details for each field."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError
from django.http import Http404
from django.utils.module_loading import import_string
from rest_framework import exceptions

from apiserver.server.configuration_protocol import ConfigurationError
from apiserver.server.errors import Problem
from apiserver.server.registry import PROBLEMS
from connections.contract.errors import InvalidProperties
from connections.vault import VaultError

INVALID = 422, "InvalidConfiguration"
FIELD = re.compile(r"[^\s:]+")
CODES = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed", 429: "TooManyRequests"}


class Refusal(Exception):
    """A request that the management API itself refuses."""

    def __init__(self, status: int, code: str, message: str, *, target: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.target, self.hint = status, code, message, target, hint


def problem_of(error: Exception, place: str) -> Any:
    """Return what the client is told; `place` is the entry of the configuration file that the request is about."""
    if isinstance(error, Refusal):
        return Problem(error.status, error.code, sentence(error.message, error.hint), error.target)
    if isinstance(error, ConfigurationError):
        return invalid(error, place)
    if isinstance(error, ValidationError):
        return Problem(409, "Conflict", sentence(*error.messages))
    if isinstance(error, IntegrityError):
        return Problem(409, "Conflict", "It contradicts what is stored meanwhile. Read it again.")
    if isinstance(error, VaultError):
        return Problem(409, "Conflict", sentence(str(error)))
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    if isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.APIException):
        return of_framework(error)
    return import_string(PROBLEMS)(error)


def of_framework(error: exceptions.APIException) -> Problem:
    """Return what the framework refuses; our own refusals of it carry their words in a mapping."""
    detail: Any = error.detail
    words = [detail["message"], detail["hint"]] if isinstance(detail, dict) else [str(detail)]
    code = str(detail["code"]) if isinstance(detail, dict) else CODES.get(error.status_code, "BadRequest")
    headers = dict(getattr(error, "headers", None) or {})
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = str(error.auth_header)
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(error.wait)
    return Problem(error.status_code, code, sentence(*map(str, words)), headers=headers)


def invalid(error: ConfigurationError, place: str) -> Problem:
    """Return a 422 that names each field that the configuration file would refuse."""
    status, code = INVALID
    message, cause = sentence(str(error)), error.__cause__
    if isinstance(cause, InvalidProperties):
        fields = {f"properties.{name}": text for name, text in cause.errors.items()}
    elif isinstance(cause, ValidationError) and hasattr(cause, "error_dict"):
        fields = {name: " ".join(texts) for name, texts in cause.message_dict.items()}
    else:
        fields = {found: message for found in [field_of(str(error), place)] if found}
    details = [{"code": code, "message": sentence(text), "target": name} for name, text in fields.items()]
    return Problem(status, code, message, details[0]["target"] if details else "", details)


def field_of(text: str, place: str) -> str:
    """Return the field that a message of the configuration file begins with; "" when it is about the whole entry."""
    if not place:
        found = FIELD.match(text)
        return found.group().rstrip(".") if found and "." in found.group() else ""
    if not text.startswith(f"{place}."):
        return ""
    found = FIELD.match(text, len(place) + 1)
    return found.group().rstrip(".,") if found else ""


def sentence(*parts: str) -> str:
    """Return the parts as sentences."""
    stripped = [part.strip() for part in parts if part.strip()]
    return " ".join(part if part[-1] in ".!?" else f"{part}." for part in stripped)


def body_of(problem: Any) -> dict[str, Any]:
    """Return the error object."""
    error: dict[str, Any] = {"code": problem.code, "message": problem.message}
    if problem.target:
        error["target"] = problem.target
    if problem.details:
        error["details"] = problem.details
    return {"error": error}
