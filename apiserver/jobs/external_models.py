"""What is remembered of the External Objects of a destination: by which user clients read its shared tables."""

from __future__ import annotations

from django.db import models


class ExternalService(models.Model):
    """The login that reads the shared tables of one destination; what it may read stands in the rights of its user."""

    connection = models.OneToOneField("connections.Connection", on_delete=models.CASCADE, related_name="external_service")
    user = models.OneToOneField("users.User", on_delete=models.CASCADE, related_name="external_service")
    made = models.JSONField(default=list)  # ids of the resources that ticks published: they go when the tick goes
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.connection_id}/{self.user_id}"
