"""The API page: what is published."""

from django.apps import AppConfig


class ResourcesConfig(AppConfig):
    """The room of published resources."""

    name = "apiserver.resources"
    label = "resources"
    default_auto_field = "django.db.models.BigAutoField"
