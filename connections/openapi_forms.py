"""The form that corrects one derived table: its name, key, pages and columns, as changes of the overlay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

KEPT = ""
PAGING = (
    (KEPT, _("as derived")),
    ("none", _("none: one answer holds all rows")),
    ("auto", _("auto: the answer shows the way")),
    ("next_url", _("next_url: address in the answer")),
    ("link_header", _("link_header: Link header")),
    ("cursor", _("cursor: token in the answer")),
    ("last_id", _("last_id: id of the last row")),
    ("page", _("page: page number")),
    ("offset", _("offset: rows to pass over")),
)
TYPES = ("boolean", "int64", "decimal", "double", "string", "guid", "date", "time", "timestamp", "duration", "binary", "json")
NEEDS = {"next_url": ("next",), "cursor": ("next", "param"), "last_id": ("param",), "page": ("param",), "offset": ("param",)}
MOST_COLUMNS = 300


class TableForm(forms.Form):
    """What is corrected of one table; an empty field means as derived."""

    rename = forms.CharField(label=_("Name"), required=False, max_length=100)
    hide = forms.BooleanField(label=_("Leave this table out"), required=False)
    key = forms.CharField(label=_("Key"), required=False, help_text=_("Names of columns with commas between them."))
    paging = forms.ChoiceField(label=_("Paging"), choices=PAGING, required=False)
    param = forms.CharField(
        label=_("Parameter"), required=False, help_text=_("That asks for the page: page, offset, cursor, starting_after.")
    )
    next = forms.CharField(label=_("Path of the next address or cursor"), required=False, help_text=_("In the answer: meta.next_cursor."))
    start = forms.IntegerField(label=_("Number of the first page"), required=False, min_value=0, max_value=1)
    size = forms.CharField(label=_("Parameter of the page's size"), required=False)
    most = forms.IntegerField(label=_("Most rows of a page"), required=False, min_value=1, max_value=100_000)

    def __init__(self, columns: Mapping[str, Any], known: Mapping[str, Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.columns = list(columns)[:MOST_COLUMNS]
        self.known = known
        paging = known.get("paging") or {}
        size = paging.get("size") or {}
        self.initial = {
            "rename": known.get("rename", ""),
            "key": ", ".join(known.get("key") or ()),
            "paging": paging.get("type", KEPT),
            "param": paging.get("param", ""),
            "next": dotted(paging.get("next", "")),
            "start": paging.get("start"),
            "size": size.get("param", ""),
            "most": size.get("max"),
        }

    def clean(self) -> dict[str, Any]:
        """Demand what the kind of paging needs; a key must be made of columns."""
        given: dict[str, Any] = super().clean() or {}
        for name in NEEDS.get(given.get("paging", ""), ()):
            if not given.get(name):
                self.add_error(name, _("This kind of paging needs it."))
        return given

    def changes(self, posted: Mapping[str, Any]) -> dict[str, Any]:
        """Return the changes of the overlay; None takes a correction back."""
        given = self.cleaned_data
        key = [name.strip() for name in given["key"].split(",") if name.strip()]
        found: dict[str, Any] = {"rename": given["rename"].strip() or None, "hide": given["hide"] or None, "key": key or None}
        found["paging"] = self.chosen_paging() if given["paging"] else None
        return {**found, "columns": self.column_changes(posted)}

    def chosen_paging(self) -> dict[str, Any]:
        """Return the paging as the manifest has it."""
        given = self.cleaned_data
        found: dict[str, Any] = {"type": given["paging"]}
        if "param" in NEEDS.get(given["paging"], ()):
            found["param"] = given["param"]
        if "next" in NEEDS.get(given["paging"], ()):
            found["next"] = given["next"]
        if given["paging"] == "page" and given["start"] is not None:
            found["start"] = given["start"]
        kept = self.known.get("paging") or {}
        if given["paging"] == "last_id" and kept.get("id"):
            found["id"] = kept["id"]
        if given["size"]:
            found["size"] = {"param": given["size"], **({"max": given["most"]} if given["most"] else {})}
        return found

    def column_changes(self, posted: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is corrected of columns: left out, renamed, of another type."""
        found: dict[str, Any] = {}
        renamed = {(entry or {}).get("rename"): own for own, entry in (self.known.get("columns") or {}).items()}
        for number, shown in enumerate(self.columns):
            name = renamed.get(shown, shown)
            if posted.get(f"drop-{number}"):
                found[name] = None
                continue
            entry = {"rename": str(posted.get(f"name-{number}", "")).strip(), "type": str(posted.get(f"type-{number}", ""))}
            kept = {key: value for key, value in entry.items() if value and (key != "type" or value in TYPES)}
            if kept:
                found[name] = kept
        return found


def dotted(path: Any) -> str:
    """Return a path as people write it."""
    return ".".join(str(part) for part in path) if isinstance(path, list) else str(path or "")
