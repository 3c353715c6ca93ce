"""Users, their authtokens and rights."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

ROLES = ("admin", "operator", "query")
CONSOLE_ROLES = ("admin", "operator")  # those who may sign in to the console
PRIVILEGES = ("GET", "POST", "PUT", "PATCH", "MERGE", "DELETE")
valid_name = RegexValidator(r"^[\w.@-][\w.@ -]{0,149}$", _("A user name holds letters, digits, spaces and . @ - _ (150 at most)."))


class UserManager(BaseUserManager["User"]):
    """Finds users by name."""

    def create_user(self, name: str, password: str | None = None, **values: Any) -> User:
        """Return a new user."""
        user = self.model(name=name, **values)
        user.set_password(password)
        user.save(using=self._db)
        return user


class Group(models.Model):
    """Rights that many users share."""

    name = models.CharField(max_length=150, unique=True, validators=[valid_name])
    privileges = models.JSONField(default=list, blank=True)  # added to those of its users
    resources = models.JSONField(null=True, blank=True)  # as of User; null: the group says nothing about resources

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class User(AbstractBaseUser):
    """Someone who calls the API with an authtoken or, as admin or operator, signs in to the console."""

    name = models.CharField(max_length=150, unique=True, validators=[valid_name])
    role = models.CharField(max_length=10, choices=[(role, role) for role in ROLES], default="query")
    privileges = models.JSONField(default=list, blank=True)  # methods of PRIVILEGES
    resources = models.JSONField(null=True, blank=True)  # resource name -> {"methods", "columns", "filter"}; null: every published resource
    groups = models.ManyToManyField(Group, related_name="users", blank=True)
    is_active = models.BooleanField(default=True)
    requests_per_hour = models.IntegerField(null=True, blank=True)  # null: the server's default; -1: no limit
    concurrent_requests = models.IntegerField(null=True, blank=True)
    token_days = models.IntegerField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    objects = UserManager()
    USERNAME_FIELD = "name"

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Authtoken(models.Model):
    """One token of a user: looked up by its hash, kept sealed so that an administrator can reveal it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="authtokens")
    sha256 = models.CharField(max_length=64, unique=True)
    sealed = models.TextField()
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField(null=True)
    revoked = models.DateTimeField(null=True)
    last_used = models.DateTimeField(null=True)  # to the minute
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-created"]


class SetupLink(models.Model):
    """The one-time link by which the first administrator is made; only its hash is kept."""

    sha256 = models.CharField(max_length=64)
    expires = models.DateTimeField()
