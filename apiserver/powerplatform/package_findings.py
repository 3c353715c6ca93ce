"""What Power Platform would say of a package, before it is asked: limits, addresses, names.

Limits: Microsoft's connector documentation and the size of a definition in a Dataverse solution.
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from apiserver.odata.swagger_limits import MOST_OPERATIONS
from apiserver.powerplatform.package_properties import REDIRECT
from apiserver.server import options
from apiserver.server.package_choices import Choices, name_problem
from users.oauth.models import Client

MOST_BYTES = 1_000_000
MOST_IN_SOLUTION = 500_000
LEFT_OUT = "Left out, as one document holds"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know. `is_error`: the platform refuses the package."""

    text: str
    is_error: bool = False


def findings(definition: dict[str, Any], size: int, root: str, choices: Choices) -> list[Finding]:
    """Return what is wrong, the worst first; nothing for a package that will be taken as it is. `size` is the definition's, in bytes."""
    found = [*limits(definition, size), *addresses(root, choices), *names(definition, choices), *sign_in(choices)]
    return sorted(found, key=lambda item: not item.is_error)


def limits(definition: dict[str, Any], size: int) -> list[Finding]:
    """Return what is too many or too large."""
    number = sum(isinstance(item, dict) and "operationId" in item for path in definition["paths"].values() for item in path.values())
    found = []
    if not number:
        found.append(Finding(_("It has no operation: publish a table that this user may read."), True))
    if number > MOST_OPERATIONS:
        text = _("It has %(number)s operations, a connector holds %(most)s: choose fewer resources.")
        found.append(Finding(text % {"number": number, "most": MOST_OPERATIONS}, True))
    if size >= MOST_BYTES:
        found.append(Finding(_("The definition has %(size)s bytes, 1 MB is the most: choose fewer resources.") % {"size": size}, True))
    elif len(json.dumps(definition)) > MOST_IN_SOLUTION:
        found.append(Finding(_("The definition has over 500,000 characters: it works, but no Dataverse solution can hold it.")))
    if LEFT_OUT in definition["info"]["description"]:
        found.append(Finding(_("Some kinds of operations were left out to keep within the limits: choose fewer resources.")))
    return found


def addresses(root: str, choices: Choices) -> list[Finding]:
    """Return why the platform can't reach the server."""
    if choices.gateway:
        return []
    found, parts = [], urlsplit(root)
    if parts.scheme != "https":
        found.append(Finding(_("Power Platform calls by https; the public address of this server is http.")))
    if is_private(parts.hostname or ""):
        found.append(
            Finding(_("%(host)s can't be reached from outside: set the public address, or use a gateway.") % {"host": parts.hostname})
        )
    return found


def is_private(host: str) -> bool:
    """Claim that a host is of no use outside its network."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".local", ".localdomain", ".localhost", ".internal"))


def names(definition: dict[str, Any], choices: Choices) -> list[Finding]:
    """Return what certification says of names."""
    found = []
    problem = name_problem(choices.name)
    if problem:
        found.append(Finding(problem))
    contact = definition["info"]["contact"]
    if choices.certification and contact["email"].startswith("postmaster@"):
        found.append(Finding(_("Certification asks who answers for the API: set server.api.contact.")))
    if choices.certification and not choices.publisher:
        found.append(Finding(_("Certification asks for the publisher: %(name)s was taken.") % {"name": contact["name"]}))
    return found


def sign_in(choices: Choices) -> list[Finding]:
    """Return what is missing for signing in."""
    found = []
    if choices.auth in ("oauth", "aad") and not choices.client_id:
        found.append(Finding(_("OAuth needs the id of a client: give it here, and its secret to paconn (--secret).")))
    elif choices.auth == "oauth":
        found += registration(choices.client_id)
    if choices.auth == "aad" and not options.current().jwt:
        found.append(Finding(_("The server takes no tokens of Microsoft Entra ID yet: configure server.jwt.")))
    if choices.auth == "none":
        found.append(Finding(_("Calls carry no sign-in: they have the rights of the user anonymous, while the server allows that.")))
    return found


def registration(client_id: str) -> list[Finding]:
    """Return why this server would not let the client sign anybody in."""
    client = Client.objects.filter(client_id=client_id, is_active=True).first()
    if client is None:
        return [Finding(_("No active OAuth client of this server has this id: register one under Users → OAuth clients."))]
    if not client.redirect_uri_allowed(REDIRECT):
        return [
            Finding(
                _("The OAuth client %(name)s may not lead back to %(address)s: add it there.") % {"name": client.name, "address": REDIRECT}
            )
        ]
    return []
