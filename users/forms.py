"""The form of a user: role, name, privileges."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from users.models import PRIVILEGES, ROLES, User, valid_name


class UserForm(forms.Form):
    """Role, User name, Privileges; a password for those who sign in to the console."""

    role = forms.ChoiceField(
        label=gettext_lazy("Role"),
        choices=[(role, role) for role in ROLES],
        initial="query",
        help_text=gettext_lazy("query calls the API; operator also signs in to this console; admin does everything."),
    )
    name = forms.CharField(label=gettext_lazy("User name"), max_length=150, validators=[valid_name])
    privileges = forms.MultipleChoiceField(
        label=gettext_lazy("Privileges"),
        required=False,
        initial=["GET"],
        choices=[(name, name) for name in PRIVILEGES],
        widget=forms.CheckboxSelectMultiple,
    )
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
        if existing:
            self.initial.update({"role": existing.role, "name": existing.name, "privileges": existing.privileges})

    def clean_name(self) -> str:
        """Refuse a name that another user has."""
        name: str = self.cleaned_data["name"]
        if User.objects.filter(name=name).exclude(pk=self.existing.pk if self.existing else 0).exists():
            raise forms.ValidationError(_("Another user has this name."))
        return name

    def clean_password(self) -> str:
        """Refuse a weak password."""
        password: str = self.cleaned_data["password"]
        if password:
            password_validation.validate_password(password)
        return password
