"""Files and manifests of connections in the management API: sent as they are, by administrators."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpResponse
from django.http.request import UnreadablePostError
from django.urls import URLPattern
from django.utils import timezone
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from apiserver.server import audit
from apiserver.server.rest import ADMIN, by, plain
from apiserver.server.rest_entries import ActionView
from apiserver.server.rest_errors import Refusal
from apiserver.server.rest_schema import described, url
from apiserver.ui.access import CONSOLE
from connections import services, upload_handler, uploads
from connections.connectors.registry import get_connector
from connections.contract.errors import ConnectorError
from connections.models import Connection
from connections.rest import ConnectionEntries, with_secrets

PIECE = 256 * 1024
FORMS = "multipart/form-data"
AS_IT_IS = "Send the file itself as the body: curl -T FILE."
MANIFEST = "Manifest"
FILE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "size": {"type": "integer"},
        "modified": {"type": "string", "format": "date-time"},
        "tables": {"type": "integer", "description": "How many tables the file gives."},
    },
}
LISTED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "count": {"type": "integer"},
        "results": {"type": "array", "items": FILE},
        "problem": {"type": "string", "description": "Why the tables can't be listed; empty: they can."},
    },
}
BYTES: dict[str, Any] = {"content": {"application/octet-stream": {"type": "string", "format": "binary"}}}
YAML: dict[str, Any] = {"content": {"application/yaml": {"type": "string"}}}


class FilesView(ActionView):
    """What the addresses of uploaded files share."""

    entries = ConnectionEntries()

    def taker(self, name: str) -> Connection:
        """Return the connection; raise NotFound for one that takes no files."""
        row: Connection = self.row(name)
        if not uploads.endings_of(row):
            raise NotFound(f"The connection {name!r} takes no files.")
        return row


class UploadsView(FilesView):
    """The files of a connection."""

    roles = CONSOLE

    def get(self, request: Request, name: str) -> Response:
        """Return the uploaded files by name."""
        return Response(listed(self.taker(name)))


class UploadView(FilesView):
    """One file of a connection."""

    roles = ADMIN

    def put(self, request: Request, name: str, file: str) -> Response:
        """Keep the body under this name, in the place of a file of the same name at one stroke."""
        row = self.taker(name)
        length = length_of(request)
        try:
            uploads.check_name(row, file)
            with upload_handler.arriving() as arrived:
                receive(request, arrived, length)
                is_new = uploads.store(row, file, Path(arrived.name))
        except ValidationError as error:
            raise Refusal(422, "InvalidConfiguration", " ".join(error.messages), target="file") from error
        audit.record("file uploaded", subject=f"{row.name}: {file}", **by(request))
        found = listed(row, problem=relisted(row))
        own = next(item for item in found["results"] if item["name"] == file)
        return Response({**own, "problem": found["problem"]}, status=201 if is_new else 200)

    def delete(self, request: Request, name: str, file: str) -> Response:
        """Delete the file; resources that read it answer with an error."""
        row = self.taker(name)
        if not uploads.remove(row, file):
            raise NotFound(f"The connection {name!r} has no file {file!r}.")
        audit.record("file deleted", subject=f"{row.name}: {file}", **by(request))
        relisted(row)
        return Response(status=204)


class ManifestView(ActionView):
    """The manifest of a connection that is made of one."""

    entries, roles = ConnectionEntries(), ADMIN

    def holder(self, name: str) -> Connection:
        """Return the connection; raise NotFound for one without a manifest of its own."""
        row: Connection = self.row(name)
        if MANIFEST not in {item.name for item in get_connector(row.connector).properties}:
            raise NotFound(f"The connection {name!r} has no manifest of its own.")
        return row

    def get(self, request: Request, name: str) -> HttpResponse:
        """Return the manifest as it was given."""
        return HttpResponse(str(self.holder(name).properties.get(MANIFEST, "")), content_type="application/yaml; charset=utf-8")

    def put(self, request: Request, name: str) -> Response:
        """Replace the manifest by the body; what it asks for must be among the stored properties."""
        row = self.holder(name)
        length_of(request)
        try:
            text = plain(request).body.decode()
        except UnicodeDecodeError as error:
            raise Refusal(400, "InvalidPayload", "The manifest must be UTF-8 text.") from error
        properties = with_secrets(row, {**row.properties, MANIFEST: text})
        with transaction.atomic():
            found, _change = self.entries.store(row.name, {"properties": properties}, row, request)
        return Response(self.entries.shown(found))


def length_of(request: Request) -> int:
    """Return how long the body is; refuse one that does not tell, a form, and one that is too long."""
    if plain(request).content_type == FORMS:
        raise Refusal(415, "UnsupportedMediaType", "A form is not taken here.", hint=AS_IT_IS)
    text = plain(request).META.get("CONTENT_LENGTH") or ""
    if not text.isdigit() or "HTTP_TRANSFER_ENCODING" in plain(request).META:
        raise Refusal(411, "LengthRequired", "Content-Length is missing.", hint=AS_IT_IS)
    most = upload_handler.most_bytes()
    if int(text) > most:
        hint = "The setting is request_limits.upload_megabytes."
        raise Refusal(413, "PayloadTooLarge", f"A file of {most // 2**20} MiB at most can be uploaded.", hint=hint)
    return int(text)


def receive(request: Request, file: IO[bytes], length: int) -> None:
    """Write the body to the file as it comes; raise when it ends before its time."""
    left = length
    try:
        while left and (piece := plain(request).read(min(PIECE, left))):
            file.write(piece)
            left -= len(piece)
    except UnreadablePostError as error:
        raise Refusal(400, "InvalidPayload", "The body broke off.", hint="Send it again.") from error
    if left:
        raise Refusal(400, "InvalidPayload", f"The body ended {left} bytes before its Content-Length.", hint="Send it again.")
    file.flush()


def relisted(row: Connection) -> str:
    """Read the list of tables anew; return why that is impossible."""
    try:
        services.list_tables(row, now=timezone.now(), refresh=True)
    except ConnectorError as error:
        return f"{error.message} {error.hint}".strip()
    return ""


def listed(row: Connection, *, problem: str = "") -> dict[str, Any]:
    """Return the files as they are shown."""
    tables = uploads.tables_by_file(row)
    results = [
        {"name": item.name, "size": item.size, "modified": item.modified, "tables": tables.get(item.name, 0)}
        for item in uploads.listed(row)
    ]
    return {"count": len(results), "results": results, "problem": problem}


def urls() -> list[URLPattern]:
    """Return the addresses of files and manifests."""
    one = "connections/(?P<name>[^/]+)"
    kept = described(UploadView, "put", "putUpload", "Upload a file", answer=FILE, body=BYTES)
    return [
        url(f"{one}/uploads", described(UploadsView, "get", "listUploads", "List a connection's files", answer=LISTED)),
        url(f"{one}/uploads/(?P<file>[^/]+)", described(kept, "delete", "deleteUpload", "Delete a file", status=204)),
        url(f"{one}/manifest", manifest_view()),
    ]


def manifest_view() -> Any:
    """Return the view of manifests with its methods described."""
    entry = {"$ref": "#/components/schemas/Connection"}
    read = described(ManifestView, "get", "getManifest", "Get a manifest", answer={"type": "string"}, media="application/yaml")
    return described(read, "put", "putManifest", "Replace a manifest", answer=entry, body=YAML)


SCHEMAS: dict[str, Any] = {}
