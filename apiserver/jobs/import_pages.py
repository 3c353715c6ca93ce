"""Jobs, Import: files of the replaced products are read, what would become of them is shown, then it is taken over. Administrators only.

Nothing of the files is kept on the server between the two steps: they travel in the form, sealed.
"""

from __future__ import annotations

import base64
import json
import zlib
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from apiserver.jobs.importing.files import ENDINGS, Wishes, found_in
from apiserver.jobs.importing.found import DIFFERENT, LEFT, TAKEN, Note
from apiserver.jobs.importing.taking import Taken, take_over
from apiserver.server.addresses import caller
from apiserver.ui.access import admin_page
from apiserver.ui.said import said
from connections import vault
from connections.models import Connection

MOST_KILOBYTES = 1000
KEPT_SECONDS = 3600
OUTCOMES = {TAKEN: gettext_lazy("taken over"), DIFFERENT: gettext_lazy("otherwise here"), LEFT: gettext_lazy("not taken over")}
STYLES = {TAKEN: "good", DIFFERENT: "warn", LEFT: "bad"}
Files = list[tuple[str, bytes]]


class WishForm(forms.Form):
    """What the files do not say."""

    source = forms.ChoiceField(label=gettext_lazy("Source of jobs whose files name none"), required=False)
    destination = forms.ChoiceField(label=gettext_lazy("Destination of jobs whose files name none"), required=False)
    job = forms.CharField(
        label=gettext_lazy("Job of REPLICATE statements that stand alone"),
        required=False,
        max_length=80,
        help_text=gettext_lazy("Empty: the name of the file."),
    )
    overwrite = forms.BooleanField(label=gettext_lazy("Overwrite what has the same name"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [("", "–"), *((name, name) for name in Connection.objects.values_list("name", flat=True))]
        for field in ("source", "destination"):
            self.fields[field].choices = names  # type: ignore[attr-defined]


@never_cache
@admin_page
def take(request: HttpRequest) -> HttpResponse:
    """Show the form; after files were chosen, what would become of them; after that was confirmed, what became of them."""
    form = WishForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {"form": form, "accept": ",".join(ENDINGS), "most": MOST_KILOBYTES}
    if request.method == "POST" and form.is_valid():
        files = given(request)
        if files:
            is_dry = "apply" not in request.POST
            context |= report(request, files, form.cleaned_data, is_dry=is_dry)
    return render(request, "jobs/import.html", context)


def given(request: HttpRequest) -> Files:
    """Return the files of the form, those of the step before where none are chosen anew; none where something is wrong with them."""
    chosen = request.FILES.getlist("file")
    if not chosen:
        files = opened(request.POST.get("sealed", ""), request, now=timezone.now())
        if not files:
            messages.error(request, _("Choose a file first."))
        return files
    if request.META.get("apiserver.upload_too_large") or sum(file.size or 0 for file in chosen) > MOST_KILOBYTES * 1000:
        most = {"count": MOST_KILOBYTES}
        messages.error(request, _("%(count)s kB in all at most can be read here; manage.py job import takes more.") % most)
        return []
    return [(str(file.name or ""), file.read()) for file in chosen]


def report(request: HttpRequest, files: Files, wishes: dict[str, Any], *, is_dry: bool) -> dict[str, Any]:
    """Take the files over, or try it; return what the page shows of that."""
    found = found_in(files, Wishes(wishes["source"], wishes["destination"], wishes["job"].strip()))
    acting = {"who": request.user.get_username(), "address": caller(request).address}
    taken = take_over(found, now=timezone.now(), is_dry=is_dry, overwrites=wishes["overwrite"], **acting)
    told = {"rows": [row(note) for note in taken.notes], "taken": taken, "is_dry": is_dry, "has_any": has_any(taken)}
    return told | {"sealed": sealed(files, request, now=timezone.now()) if is_dry else ""}


def has_any(taken: Taken) -> bool:
    """Claim that there is something to be taken over."""
    return bool(taken.created or taken.updated)


def row(note: Note) -> dict[str, Any]:
    """Return a note in the reader's language."""
    values = {name: said(str(value)) if name == "reason" else value for name, value in note.values.items()}
    text = _(note.message) % values if values else _(note.message)
    return {"file": note.file, "subject": note.subject, "outcome": OUTCOMES[note.outcome], "style": STYLES[note.outcome], "text": text}


def sealed(files: Files, request: HttpRequest, *, now: datetime) -> str:
    """Return the files as they travel in the form: only this server opens them, for this person, for an hour."""
    inner = [[name, base64.b64encode(raw).decode()] for name, raw in files]
    data = json.dumps({"user": request.user.pk, "at": now.timestamp(), "files": inner})
    return vault.seal(base64.b64encode(zlib.compress(data.encode())).decode())


def opened(text: str, request: HttpRequest, *, now: datetime) -> Files:
    """Return the files of the step before; none of another person's or of an old form."""
    try:
        data = json.loads(zlib.decompress(base64.b64decode(vault.reveal(text)))) if text else {}
    except (vault.VaultError, ValueError, zlib.error):
        return []
    if data.get("user") != request.user.pk or not 0 <= now.timestamp() - data.get("at", 0) <= KEPT_SECONDS:
        return []
    return [(name, base64.b64decode(raw)) for name, raw in data["files"]]
