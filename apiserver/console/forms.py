"""Forms of signing in and of the first administrator."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.contrib.auth.base_user import AbstractBaseUser
from django.utils.translation import gettext_lazy as _

from users.models import valid_name


class SignInForm(forms.Form):
    """Name and password."""

    name = forms.CharField(
        label=_("User name"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    password = forms.CharField(label=_("Password"), widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}))


class NewPasswordForm(forms.Form):
    """A new password, twice."""

    password = forms.CharField(
        label=_("Password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("8 characters or more, and none of the passwords that everybody uses."),
    )
    again = forms.CharField(label=_("Password again"), widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}))

    def clean(self) -> dict[str, Any]:
        """Check that both passwords are the same and strong enough."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("password") != data.get("again"):
            self.add_error("again", _("The two passwords differ."))
        elif data.get("password"):
            try:
                password_validation.validate_password(data["password"])
            except forms.ValidationError as error:
                self.add_error("password", error)
        return data


class SetupForm(NewPasswordForm):
    """Name and password of the first administrator."""

    name = forms.CharField(label=_("User name"), max_length=150, initial="admin", validators=[valid_name])
    field_order = ("name", "password", "again")


class PasswordForm(NewPasswordForm):
    """The own password, old and new."""

    old = forms.CharField(
        label=_("Old password"), widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True})
    )
    field_order = ("old", "password", "again")

    def __init__(self, user: AbstractBaseUser, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["password"].label = _("New password")

    def clean_old(self) -> str:
        """Refuse a wrong old password."""
        given: str = self.cleaned_data["old"]
        if not self.user.check_password(given):
            raise forms.ValidationError(_("This is not the old password."))
        return given
