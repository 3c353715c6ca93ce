"""Settings -> Server, and what every room stands on."""

from django.apps import AppConfig


class ServerConfig(AppConfig):
    """The room of server settings, limits, logs and health."""

    name = "apiserver.server"
    label = "server"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks of settings."""
        from apiserver.server import checks  # noqa: F401 - models must be ready first
