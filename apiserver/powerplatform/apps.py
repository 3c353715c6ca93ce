"""The room of Power Platform: what its clients need beyond OData."""

from django.apps import AppConfig


class PowerPlatformConfig(AppConfig):
    """Long answers, connector packages, contracts, the generic connector and the tabular protocol."""

    name = "apiserver.powerplatform"
    label = "powerplatform"
    default_auto_field = "django.db.models.BigAutoField"
