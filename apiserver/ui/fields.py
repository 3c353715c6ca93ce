"""Form fields that pages share: how a line, a list of lines, code, a secret or a row of ticks is entered, and when a field shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from django import forms
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

Text: TypeAlias = "str | _StrPromise"


def shown_when(field: forms.Field, other: str, *values: str) -> forms.Field:
    """Return the field; it shows while the other field has one of the values."""
    field.shown_when = (other, "|".join(values))  # type: ignore[attr-defined]
    return field


def line(label: Text, help_text: Text = "", *, most: int | None = None, **attrs: Any) -> forms.CharField:
    """Return a field of one line that may be empty; `most` is its longest text in characters, `attrs` are of its element."""
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=most, widget=forms.TextInput(attrs=attrs))


def lines(label: Text, help_text: Text = "", *, rows: int = 3, is_needed: bool = False, **attrs: Any) -> forms.CharField:
    """Return a field of several lines, shown with so many rows."""
    widget = forms.Textarea(attrs={"rows": str(rows), **attrs})
    return forms.CharField(label=label, help_text=help_text, required=is_needed, widget=widget)


def code(label: Text, help_text: Text = "", *, rows: int, is_needed: bool = False) -> forms.CharField:
    """Return a field for SQL."""
    return lines(label, help_text, rows=rows, is_needed=is_needed, **{"class": "code", "spellcheck": "false"})


def ticks(
    label: Text, help_text: Text = "", *, choices: Iterable[tuple[str, Any]] = (), is_needed: bool = False, initial: Sequence[str] = ()
) -> forms.MultipleChoiceField:
    """Return a row of boxes to tick; `initial` are ticked."""
    widget = forms.CheckboxSelectMultiple(attrs={"class": "ticks"})
    return forms.MultipleChoiceField(
        label=label, help_text=help_text, required=is_needed, choices=list(choices), widget=widget, initial=list(initial) or None
    )


def webhook_address(label: Text, *, example: str) -> forms.CharField:
    """Return a field for an address that this server calls."""
    return forms.CharField(
        label=label,
        required=False,
        widget=forms.URLInput(attrs={"placeholder": example}),
        help_text=_("Public https addresses; others only where outgoing.allow names them."),
    )


def signing_secret(help_text: Text) -> forms.CharField:
    """Return a field for what the calls of such an address are signed with; it is never shown again."""
    widget = forms.PasswordInput(attrs={"autocomplete": "off"})
    return forms.CharField(label=_("Its secret"), required=False, widget=widget, help_text=help_text)


class Numbers:
    """Settings of one group that are whole numbers: fields `<group>_<name>`; one that is left empty stays as it is.

    `bounds` gives the least number and the most (None: no bound) of a name.
    """

    def __init__(self, group: str, words: Mapping[str, Text], bounds: Callable[[str], tuple[int | None, int | None]]) -> None:
        self.group = group
        self.words = words
        self.names = tuple(f"{group}_{name}" for name in words)
        self._bounds = bounds

    def fields(self) -> dict[str, forms.Field]:
        """Return the fields by name."""
        found: dict[str, forms.Field] = {}
        for name, label in self.words.items():
            least, most = self._bounds(name)
            found[f"{self.group}_{name}"] = forms.IntegerField(label=label, min_value=least, max_value=most, required=False)
        return found

    def initial(self, current: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the fields show."""
        return {f"{self.group}_{name}": current[name] for name in self.words}

    def settings(self, given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was entered by the names of settings; `before` is what the fields showed."""
        asked = {name: given[f"{self.group}_{name}"] for name in self.words}
        return {name: before[f"{self.group}_{name}"] if value is None else value for name, value in asked.items()}
