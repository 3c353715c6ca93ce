"""The pages that reach over every room."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Status, sign-in and the frame of the console."""

    name = "apiserver.console"
    label = "console"
