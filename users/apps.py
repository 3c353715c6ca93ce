"""Settings -> Users."""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    """The room of users, authtokens and rights."""

    name = "users"
    label = "users"
    default_auto_field = "django.db.models.BigAutoField"
