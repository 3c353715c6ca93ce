"""How pages look and feel."""

from django.apps import AppConfig


class UiConfig(AppConfig):
    """Base templates, tags and static files."""

    name = "apiserver.ui"
    label = "ui"
