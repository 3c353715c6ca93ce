"""The OData room as a Django app: no models, only the service."""

from django.apps import AppConfig


class ODataConfig(AppConfig):
    """Registers the room under its full name."""

    name = "apiserver.odata"
    label = "odata"
