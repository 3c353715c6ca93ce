"""Settings -> Server, and what every room stands on."""

from django.apps import AppConfig


class ServerConfig(AppConfig):
    """The room of server settings, limits, logs and health."""

    name = "apiserver.server"
    label = "server"
    default_auto_field = "django.db.models.BigAutoField"
