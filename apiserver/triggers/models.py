"""What triggers remember: how far each poller has come, subscriptions, what is told to them."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Poll(models.Model):
    """How far one poller had come when it was given a state. Never changed: the same state gives the same rows again."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True)  # null: the anonymous user
    resource = models.ForeignKey("resources.Resource", on_delete=models.CASCADE)
    question = models.CharField(max_length=64)  # of event, check column, key and query options: a state belongs to one question
    mark = models.BinaryField()
    told = models.BinaryField()  # identities of the rows that were given with this state
    previous = models.OneToOneField("self", on_delete=models.SET_NULL, null=True, related_name="next")
    created = models.DateTimeField(db_index=True)
    used = models.DateTimeField()  # to the hour
