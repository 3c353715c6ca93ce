"""Use it in...: the page of a resource that says, client by client, how its rows get there: steps, addresses, files, programs."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apiserver.odata.swagger_schemas import shown, summary
from apiserver.powerplatform.examples import condition_of
from apiserver.powerplatform.snippets import KINDS, Place, snippets
from apiserver.powerplatform.use_files import FILES, file_of
from apiserver.resources.catalog import PublishedResource
from apiserver.resources.models import Resource
from apiserver.resources.services import catalog_for
from apiserver.server import options
from apiserver.server.addresses import is_loopback, service_root
from apiserver.ui.access import ADMIN, admin_page, console_page
from users import services, tokens
from users.acting import by
from users.models import Authtoken, User
from users.principal import principal_of

# In the order of the tabs; the names are the clients' own, in every language.
CLIENTS = {
    "power-automate": "Power Automate",
    "power-apps": "Power Apps",
    "excel": "Excel",
    "power-bi": "Power BI",
    "salesforce": "Salesforce Connect",
    "postman": "Postman",
    "curl": "curl",
    "python": "Python",
    "javascript": "JavaScript",
    "powershell": "PowerShell",
}
# Those that call from a service in the cloud: they need an https address that is reached from everywhere.
CLOUD = ("power-automate", "power-apps", "salesforce")
HIDDEN = "AUTHTOKEN"  # stands for an authtoken that is not shown
TO_SHOW = "use_it_in_authtoken"  # in the session: the one authtoken that the next page may show
MOST_TRIED = 20  # users looked at for one who may read the resource


@never_cache
@console_page
def panel(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one client's way; an authtoken that was revealed a moment ago stands in the addresses, once."""
    resource = get_object_or_404(Resource.objects.select_related("connection"), pk=pk)
    person = person_of(request, resource)
    client = request.GET.get("in", "")
    client = client if client in CLIENTS else next(iter(CLIENTS))
    seen = seen_by(person, resource)
    token = newest(person)
    is_revealed = token is not None and request.session.pop(TO_SHOW, None) == token.pk
    text = tokens.reveal(token) if is_revealed and token else HIDDEN
    context: dict[str, Any] = {
        "resource": resource,
        "person": person,
        "people": people(request),
        "client": client,
        "label": CLIENTS[client],
    }
    context |= {"tabs": [(key, name, link(pk, key, person)) for key, name in CLIENTS.items()], "has_token": token is not None}
    context |= {"is_revealed": is_revealed, "is_admin": is_admin(request), "seen": seen, "template": f"powerplatform/use/{client}.html"}
    if seen is not None:
        context |= addresses(request, seen, text) | circumstances(request, client)
        if client in KINDS:
            context["snippets"] = snippets(client, Place(seen, context["address"], text))
            context["template"] = "powerplatform/use/program.html"
    return render(request, "powerplatform/use.html", context)


def is_admin(request: HttpRequest) -> bool:
    """Claim that who asks may choose among users and see their authtokens."""
    return cast(User, request.user).role in ADMIN


def link(pk: int, client: str, person: User) -> str:
    """Return the address of a tab."""
    return f"{reverse('powerplatform:use', args=[pk])}?{urlencode({'in': client, 'user': person.name})}"


def people(request: HttpRequest) -> list[str]:
    """Return the names of those whose addresses may be shown."""
    return list(User.objects.filter(is_active=True).values_list("name", flat=True)) if is_admin(request) else []


def person_of(request: HttpRequest, resource: Resource) -> User:
    """Return the user whose addresses are shown: the one that an administrator chose, else the first who can use them, else who asks."""
    asker = cast(User, request.user)
    if not is_admin(request):
        return asker
    name = request.GET.get("user") or request.POST.get("user")
    if name:
        return get_object_or_404(User, name=name, is_active=True)
    tried = User.objects.filter(is_active=True, role="query").order_by("name")[:MOST_TRIED]
    return next((user for user in tried if newest(user) is not None and seen_by(user, resource) is not None), asker)


def seen_by(person: User, resource: Resource) -> PublishedResource | None:
    """Return the resource as the user sees it; None where the user does not."""
    return catalog_for(principal_of(person)).resources.get(resource.name)


def newest(person: User) -> Authtoken | None:
    """Return the authtoken that the user's programs would use."""
    return next(iter(tokens.live(person, now=timezone.now())), None)


def addresses(request: HttpRequest, seen: PublishedResource, text: str) -> dict[str, Any]:
    """Return the addresses of the service and of the resource, with the authtoken in the path where that is wanted."""
    root = service_root(request, None)
    within = f"{root}/@{text}"
    chosen = urlencode({"resources": seen.name})
    return {
        "root": root,
        "token": text,
        "address": f"{root}/{quote(seen.name)}",
        "oas": f"{root}/$oas?{chosen}",
        "oas_within": f"{within}/$oas?{chosen}",
        "postman_within": f"{within}/$postman?{chosen}",
        "header": f"x-cdata-authtoken: {text}",
        "operation": summary(f"Return {shown(seen)}"),
        "condition": condition_of(seen),
        "formula": f"Connector.Return{seen.id}().value",
        "newman": f"npx newman run {seen.name}.postman_collection.json --env-var authtoken={text}",
    }


def circumstances(request: HttpRequest, client: str) -> dict[str, Any]:
    """Return what of the server's settings keeps this client out."""
    now, parts = options.current(), urlsplit(service_root(request, None))
    return {
        "is_cloud": client in CLOUD,
        "is_https": parts.scheme == "https",
        "is_local": set(now.trusted_addresses) <= {"127.0.0.1", "::1"},
        "is_here": parts.hostname == "localhost" or is_loopback(parts.hostname or ""),
        "trusted": ", ".join(now.trusted_addresses),
        "allows_url": now.allow_authtoken_in_url,
        "has_cors": bool(now.cors["enabled"]),
    }


@require_POST
@admin_page
def reveal(request: HttpRequest, pk: int) -> HttpResponseRedirect:
    """Show the chosen user's authtoken in the addresses, once; that is recorded."""
    resource = get_object_or_404(Resource, pk=pk)
    person, client = person_of(request, resource), request.POST.get("in", "")
    token = newest(person)
    if token is None:
        raise Http404(_("The user has no authtoken that works."))
    services.reveal_token(token, **by(request))
    request.session[TO_SHOW] = token.pk
    return cast(HttpResponseRedirect, redirect(link(pk, client if client in CLIENTS else next(iter(CLIENTS)), person)))


@never_cache
@console_page
def download(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """Hand out a file for a client, with the rights of the chosen user and without an authtoken; `?all=1`: of the whole service."""
    resource = get_object_or_404(Resource, pk=pk)
    person = person_of(request, resource)
    catalog = catalog_for(principal_of(person))
    if kind not in FILES or resource.name not in catalog.resources:
        raise Http404
    name, media, body = file_of(kind, catalog, service_root(request, None), "" if request.GET.get("all") else resource.name)
    disposition = str(content_disposition_header(True, name))
    return HttpResponse(body, content_type=media, headers={"Content-Disposition": disposition})
