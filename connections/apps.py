"""Settings -> Connections."""

from django.apps import AppConfig


class ConnectionsConfig(AppConfig):
    """The room of stored connections."""

    name = "connections"
    label = "connections"
    default_auto_field = "django.db.models.BigAutoField"
