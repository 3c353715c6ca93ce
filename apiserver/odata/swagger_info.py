"""What stands at the head of $oas: title, who answers for it, what certification asks for, each within its limits.

Rules: Microsoft's connector documentation ("Prepare connector files for certification").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from apiserver.resources.catalog import Catalog

TITLE, LONGEST_TITLE = "Published tables", 30
DESCRIPTION = "Reads and writes the published tables of this server as OData."
SHORTEST_DESCRIPTION, LONGEST_DESCRIPTION = 30, 500
CATEGORIES = ("Data",)
# In titles of connectors; they would be refused.
UNWANTED = re.compile(r"\b(API|connector)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """Where the document says the API is. `is_open`: no credentials are asked for (anonymous, or the token is in the path)."""

    scheme: str
    host: str
    base_path: str
    is_open: bool = False

    @property
    def site(self) -> str:
        """Return the address of the server."""
        return f"{self.scheme}://{self.host}"


def one_line(text: str) -> str:
    """Return the text on one line."""
    return " ".join(text.split())


def info(catalog: Catalog, address: Address) -> dict[str, Any]:
    """Return title, description, version and contact."""
    title = one_line(UNWANTED.sub(" ", catalog.title))[:LONGEST_TITLE]
    title = re.sub(r"[^A-Za-z0-9]+$", "", title) or TITLE
    description = one_line(catalog.description or DESCRIPTION)
    if len(description) < SHORTEST_DESCRIPTION:
        description = f"{description} {DESCRIPTION}".strip()
    return {
        "title": title,
        "description": description[:LONGEST_DESCRIPTION],
        "version": catalog.version,
        "contact": contact(catalog, address),
    }


def contact(catalog: Catalog, address: Address) -> dict[str, str]:
    """Return who answers for the API; where nobody is named, the mailbox that each mail domain has (RFC 5321, 4.5.1)."""
    given = {name: value for name, value in catalog.contact if value}
    return {"name": "The administrator", "url": address.site, "email": f"postmaster@{mail_domain(address)}"} | given


def mail_domain(address: Address) -> str:
    """Return the host as mail addresses have it: those of hosts that are no names are in brackets (RFC 5321, 4.1.3)."""
    host = urlsplit(address.site).hostname or "localhost"
    if ":" in host:
        return f"[IPv6:{host}]"
    return host if "." in host else f"{host}.localdomain"


def metadata(catalog: Catalog, address: Address) -> list[dict[str, str]]:
    """Return what a connector says of itself."""
    website = dict(catalog.contact).get("url") or address.site
    found = {
        "Website": website,
        "Privacy policy": catalog.privacy_policy or website,
        "Categories": ";".join(catalog.categories or CATEGORIES),
    }
    return [{"propertyName": name, "propertyValue": value} for name, value in found.items()]
