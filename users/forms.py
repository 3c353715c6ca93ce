"""The forms of users, groups and their rights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apiserver.server import options
from apiserver.ui.fields import lines, ticks
from users.models import PRIVILEGES, ROLES, Group, User, valid_name

LONGEST_ID = 18  # digits
LIMITS = ("requests_per_hour", "concurrent_requests", "token_days")
METHODS = tuple(name for name in PRIVILEGES if name != "MERGE")


def method_ticks(names: Sequence[str], *, label: Any, help_text: Any, initial: Sequence[str] = ()) -> forms.MultipleChoiceField:
    """Return a row of boxes for methods."""
    return ticks(label, help_text, choices=[(name, name) for name in names], initial=initial)


class Several(forms.ModelMultipleChoiceField):
    """Any of the rows; a number that no row can have is refused, for a database fails over it."""

    def clean(self, value: Any) -> Any:
        """Return the rows."""
        for item in value or ():
            if len(str(item)) > LONGEST_ID:
                raise ValidationError(self.error_messages["invalid_pk_value"], "invalid_pk_value", {"pk": str(item)[:40]})
        return super().clean(value)


class UserForm(forms.Form):
    """Role, User name, Privileges; groups, limits; a password for those who sign in to the console."""

    role = forms.ChoiceField(
        label=gettext_lazy("Role"),
        choices=[(role, role) for role in ROLES],
        initial="query",
        help_text=gettext_lazy("query calls the API; operator also signs in to this console; admin does everything."),
    )
    name = forms.CharField(label=gettext_lazy("User name"), max_length=150, validators=[valid_name])
    privileges = method_ticks(
        PRIVILEGES,
        label=gettext_lazy("Privileges"),
        initial=["GET"],
        help_text=gettext_lazy(
            "GET reads, POST adds rows, PUT and PATCH change them, DELETE deletes them. MERGE is PATCH for older clients."
        ),
    )
    groups = Several(
        Group.objects.all(), label=gettext_lazy("Groups"), required=False, widget=forms.CheckboxSelectMultiple(attrs={"class": "ticks"})
    )
    requests_per_hour = forms.IntegerField(label=gettext_lazy("Requests per hour"), required=False, min_value=-1)
    concurrent_requests = forms.IntegerField(label=gettext_lazy("Concurrent requests"), required=False, min_value=-1)
    token_days = forms.IntegerField(label=gettext_lazy("Authtokens live (days)"), required=False, min_value=0)
    password = forms.CharField(
        label=gettext_lazy("Console password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Only for admin and operator. Empty: nothing changes."),
    )

    def __init__(self, *args: Any, existing: User | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.existing = existing
        defaults = options.current().limits
        for name in LIMITS:
            self.fields[name].widget.attrs["placeholder"] = defaults[name]
            self.fields[name].help_text = (
                _("Empty: the server's default, %(default)s. 0: they never end.")
                if name == "token_days"
                else _("Empty: the server's default, %(default)s. -1: no limit.")
            ) % {"default": defaults[name]}
        if existing:
            self.initial.update({name: getattr(existing, name) for name in ("role", "name", "privileges", *LIMITS)})
            self.initial["groups"] = list(existing.groups.all())

    def head(self) -> list[forms.BoundField]:
        """Return the fields that everybody needs."""
        shown = ["role", "name", "privileges", *(["groups"] if self.fields["groups"].queryset.exists() else [])]  # type: ignore[attr-defined]
        return [self[name] for name in shown]

    def tail(self) -> list[forms.BoundField]:
        """Return the limits and the password."""
        return [self[name] for name in (*LIMITS, "password")]

    def clean_name(self) -> str:
        """Refuse a name that another user has."""
        name: str = self.cleaned_data["name"]
        if User.objects.filter(name=name).exclude(pk=self.existing.pk if self.existing else 0).exists():
            raise forms.ValidationError(_("Another user has this name."))
        return name

    def clean(self) -> dict[str, Any]:
        """Refuse a weak password, and one for a user who can't sign in."""
        data: dict[str, Any] = super().clean() or {}
        password = data.get("password")
        if password and data.get("role") == "query":
            self.add_error("password", _("Only administrators and operators sign in to the console."))
        elif password:
            try:
                password_validation.validate_password(password)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return data

    def values(self) -> dict[str, Any]:
        """Return the user's fields."""
        return {name: self.cleaned_data[name] for name in ("name", "role", "privileges", *LIMITS)}


class GroupForm(forms.Form):
    """Name, privileges and members of a group."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=150, validators=[valid_name])
    privileges = method_ticks(PRIVILEGES, label=gettext_lazy("Privileges"), help_text=gettext_lazy("Added to those of its users."))
    members = Several(
        User.objects.all(),
        label=gettext_lazy("Members"),
        required=False,
        to_field_name="name",
        widget=forms.CheckboxSelectMultiple(attrs={"class": "columns tall"}),
    )

    def __init__(self, *args: Any, existing: Group | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.existing = existing
        if existing:
            self.initial.update({"name": existing.name, "privileges": existing.privileges, "members": list(existing.users.all())})

    def clean_name(self) -> str:
        """Refuse a name that another group has."""
        name: str = self.cleaned_data["name"]
        if Group.objects.filter(name=name).exclude(pk=self.existing.pk if self.existing else 0).exists():
            raise forms.ValidationError(_("Another group has this name."))
        return name


class GrantForm(forms.Form):
    """Rights to one resource."""

    methods = method_ticks(METHODS, label=gettext_lazy("Methods"), help_text=gettext_lazy("None ticked: as far as the privileges go."))
    columns = ticks(gettext_lazy("Columns"), gettext_lazy("None ticked: all of them. Others are as if they did not exist."))
    filter = lines(
        gettext_lazy("Row filter"),
        gettext_lazy("In the language of $filter. Rows outside of it are as if they did not exist."),
        rows=2,
        spellcheck="false",
        placeholder="country eq 'JP'",
    )

    def __init__(self, columns: Sequence[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["columns"].choices = [(name, name) for name in columns]  # type: ignore[attr-defined]

    def grant(self) -> dict[str, Any]:
        """Return the rights as they are stored: what says nothing is left out."""
        return {name: value for name, value in self.cleaned_data.items() if value}
