"""Upload and delete of files on the page of a connection: administrators only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apiserver.server import audit, options
from apiserver.server.addresses import caller
from apiserver.ui.access import ADMIN, admin_page
from apiserver.ui.said import said
from connections import services, uploads
from connections.contract.errors import ConnectorError
from connections.models import Connection


@require_POST
@admin_page
def upload(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep the files of the form, or delete the named one."""
    connection = get_object_or_404(Connection, pk=pk)
    if not uploads.endings_of(connection):
        raise Http404
    if "delete" in request.POST:
        deleted(request, connection, request.POST["delete"])
    else:
        kept(request, connection)
    return redirect("connections:edit", pk)


def kept(request: HttpRequest, connection: Connection) -> None:
    """Store each file and say what came of it."""
    if request.META.get("apiserver.upload_too_large"):
        most = options.current().request_limits["upload_megabytes"]
        messages.error(request, _("Files of %(count)s MiB at most can be uploaded (Settings, Server: request limits).") % {"count": most})
        return
    files = [file for file in request.FILES.getlist("file") if isinstance(file, TemporaryUploadedFile)]
    if not files:
        messages.error(request, _("Choose a file first."))
    for file in files:
        try:
            name = str(file.name or "")
            uploads.store(connection, name, Path(file.temporary_file_path()))
        except ValidationError as error:
            messages.error(request, f"{file.name}: {' '.join(error.messages)}")
            continue
        audit.record("file uploaded", subject=f"{connection.name}: {name}", **by(request))
        messages.success(request, _("%(name)s was uploaded.") % {"name": name})
    relist(request, connection)


def deleted(request: HttpRequest, connection: Connection, name: str) -> None:
    """Delete a file."""
    if uploads.remove(connection, name):
        audit.record("file deleted", subject=f"{connection.name}: {name}", **by(request))
        messages.success(request, _("%(name)s was deleted. Resources that read it answer with an error.") % {"name": name})
    relist(request, connection)


def relist(request: HttpRequest, connection: Connection) -> None:
    """Read the list of tables anew, so that Add Table has them; the test that stands beside the files is one of these files."""
    try:
        services.test_stored(connection, now=timezone.now())
        services.list_tables(connection, now=timezone.now(), refresh=True)
    except ConnectorError as error:
        messages.error(request, f"{said(error.message)} {said(error.hint)}")


def by(request: HttpRequest) -> dict[str, str]:
    """Return who did it, from where."""
    return {"who": request.user.get_username(), "address": caller(request).address}


def context_of(request: HttpRequest, connection: Connection) -> dict[str, Any]:
    """Return what the page of a connection shows of its uploads."""
    if not uploads.endings_of(connection):
        return {}
    count = uploads.tables_by_file(connection)
    files = [{"it": item, "tables": count.get(item.name, 0)} for item in uploads.listed(connection)]
    return {
        "uploads": files,
        "takes_uploads": True,
        "may_upload": getattr(request.user, "role", "") in ADMIN,
        "accept": ",".join(f".{ending.lower()}" for ending in uploads.endings_of(connection)),
        "most_megabytes": options.current().request_limits["upload_megabytes"],
    }
