"""The one error of signing in: refused, with what the answer needs."""

from __future__ import annotations


class AccessDenied(Exception):
    """A request that may not go on; answered with `status` and `headers`."""

    def __init__(self, status: int, code: str, message: str, *, hint: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint
        self.headers = headers or {}


def unauthorized(message: str, hint: str = "Send your authtoken in the header x-cdata-authtoken.") -> AccessDenied:
    """Return a 401."""
    return AccessDenied(401, "Unauthorized", message, hint=hint, headers={"WWW-Authenticate": 'Basic realm="API Server", charset="UTF-8"'})


def invalid_token(message: str, hint: str) -> AccessDenied:
    """Return the 401 of a bearer (RFC 6750, 3.1)."""
    return AccessDenied(
        401, "Unauthorized", message, hint=hint, headers={"WWW-Authenticate": 'Bearer realm="API Server", error="invalid_token"'}
    )
