"""Power Platform: the users and their connectors, the package of one of them, the pipelines."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from apiserver.odata.errors import ODataError
from apiserver.odata.swagger_limits import MOST_OPERATIONS
from apiserver.powerplatform import package_keeping
from apiserver.powerplatform.package import DEFINITION, Package, build
from apiserver.powerplatform.package_forms import AUTHS, PackageForm
from apiserver.powerplatform.pipelines import KINDS, pipeline
from apiserver.resources.catalog import Catalog
from apiserver.resources.services import catalog_for
from apiserver.server.addresses import caller, service_root
from apiserver.server.package_choices import Choices
from apiserver.ui.access import console_page
from users.models import User
from users.principal import principal_of

PAGE = 50


@console_page
def listing(request: HttpRequest) -> HttpResponse:
    """Show the users with what was chosen for them, and the pipelines."""
    text = request.GET.get("q", "").strip()
    found = User.objects.filter(is_active=True)
    page = Paginator(found.filter(name__icontains=text) if text else found, PAGE).get_page(request.GET.get("page"))
    titles = dict(AUTHS)
    rows = [{"it": user, "kept": kept, "auth": titles[kept.auth]} for user in page for kept in [package_keeping.kept(user.name)]]
    return render(request, "powerplatform/packages.html", {"page": page, "rows": rows, "q": text, "kinds": kinds()})


def kinds() -> list[dict[str, str]]:
    """Return the pipelines that are offered."""
    names = {"azure": "Azure DevOps", "github": "GitHub Actions", "jenkins": "Jenkins"}
    return [{"kind": kind, "name": names[kind], "file": file} for kind, (_write, file) in KINDS.items()]


@console_page
def make(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the choices and what the platform would say of them; give the package."""
    user = get_object_or_404(User, pk=pk)
    catalog = catalog_for(principal_of(user))
    kept = package_keeping.kept(user.name)
    connections = sorted({item.connection_name for item in catalog.resources.values()})
    form = PackageForm(kept, connections, request.POST if request.method == "POST" else None)
    choices = form.choices() if request.method == "POST" else kept
    found = built(request, form, catalog, choices) if choices is not None else None
    if found is not None and choices is not None and request.method == "POST":
        named = choices if choices.name else package_keeping.changed(choices, {"name": found.title}, "")
        who, address = request.user.get_username(), caller(request).address
        package_keeping.keep(user.name, named, who=who, address=address)
        if "download" in request.POST:
            return attached(found.zipped(), found.zip_name, "application/zip")
    context = {"person": user, "form": form, "found": found, "resources": ticked(catalog, form), "most": MOST_OPERATIONS, **sizes(found)}
    return render(request, "powerplatform/package.html", context)


def built(request: HttpRequest, form: PackageForm, catalog: Catalog, choices: Choices) -> Package | None:
    """Return the package; None where the form tells why there is none."""
    try:
        return build(catalog, service_root(request, None), choices)
    except ODataError as error:
        if form.is_bound:
            form.add_error(None, f"{error.message} {error.hint}")
        return None


def ticked(catalog: Catalog, form: PackageForm) -> list[dict[str, object]]:
    """Return the resources to choose from; those that were chosen and are gone too, so that they can be cleared."""
    names = [*catalog.resources, *(name for name in form.resources if name not in catalog.resources)]
    return [{"name": name, "is_ticked": name in form.resources, "is_gone": name not in catalog.resources} for name in names]


def sizes(found: Package | None) -> dict[str, object]:
    """Return what the page tells of a package."""
    if found is None:
        return {}
    return {"bytes": len(found.files[DEFINITION]), "files": sorted(found.files)}


@console_page
def pipeline_file(request: HttpRequest, kind: str) -> HttpResponse:
    """Give a pipeline."""
    if kind not in KINDS:
        raise Http404(_("There is no such pipeline."))
    return attached(pipeline(kind).encode(), KINDS[kind][1], "text/plain; charset=utf-8")


def attached(body: bytes, name: str, media: str) -> HttpResponse:
    """Return a file to be kept."""
    return HttpResponse(body, content_type=media, headers={"Content-Disposition": str(content_disposition_header(True, name))})
