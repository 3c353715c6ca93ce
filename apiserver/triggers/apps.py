"""The room of triggers."""

from django.apps import AppConfig


class TriggersConfig(AppConfig):
    """Polling, subscriptions and deliveries."""

    name = "apiserver.triggers"
    label = "triggers"
    default_auto_field = "django.db.models.BigAutoField"
