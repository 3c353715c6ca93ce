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
    swept = models.DateTimeField(null=True)  # when what lies before the mark was compared last


class Watch(models.Model):
    """How far one table was read for all subscriptions to one event of it; lease and fence keep workers apart."""

    resource = models.ForeignKey("resources.Resource", on_delete=models.CASCADE, related_name="watches")
    event = models.CharField(max_length=10)
    question = models.CharField(max_length=64)  # of check column and key: another one begins anew
    mark = models.BinaryField(default=b"")
    looked_back = models.DateTimeField(null=True)  # when all that lies beyond the mark's floor was read last
    keys = models.TextField(default="")  # of the event deleted: the keys that were there, sealed
    swept = models.DateTimeField(null=True)  # when what lies before the mark was compared last
    next_at = models.DateTimeField(db_index=True)
    rung_at = models.DateTimeField(null=True)  # when its service said last that something changed; null: it was looked at since
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveBigIntegerField(default=0)
    error = models.TextField(default="")  # why the last look failed, safe to show

    class Meta:
        constraints = [models.UniqueConstraint("resource", "event", name="watch_once")]


class Subscription(models.Model):
    """Somebody who is told of one event of one resource at an address."""

    ACTIVE, ENDED = "active", "ended"

    public_id = models.CharField(max_length=32, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="subscriptions")
    resource = models.ForeignKey("resources.Resource", on_delete=models.CASCADE, related_name="subscriptions")
    event = models.CharField(max_length=10)
    filter = models.TextField(default="")
    callback = models.TextField()  # sealed: its query is a credential
    callback_sha256 = models.CharField(max_length=64)
    host = models.CharField(max_length=300)
    secret = models.TextField()  # sealed
    previous_secret = models.TextField(default="")  # sealed; signs too until previous_until
    previous_until = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, default=ACTIVE)
    reason = models.TextField(default="")  # why it ended, safe to show
    created = models.DateTimeField()
    next_at = models.DateTimeField(null=True, db_index=True)  # of the next try; null: nothing waits
    failing_since = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["-created", "-pk"]
        constraints = [models.UniqueConstraint("user", "resource", "event", "callback_sha256", name="subscription_once")]


class Delivery(models.Model):
    """One POST to a subscription, stored with the mark that moved past its row."""

    WAITING, DONE, FAILED = "waiting", "done", "failed"

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="deliveries")
    webhook_id = models.CharField(max_length=40)
    body = models.TextField()  # sealed; of a row that is there, its key stands on a second line
    rights = models.CharField(max_length=32, default="")  # what its user might see of the resource when it was stored
    is_test = models.BooleanField(default=False)
    state = models.CharField(max_length=10, default=WAITING)
    attempts = models.PositiveIntegerField(default=0)
    status = models.PositiveIntegerField(null=True)  # of the last answer
    error = models.TextField(default="")  # of the last try, safe to show
    created = models.DateTimeField(db_index=True)
    tried = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["subscription", "state", "id"], name="delivery_waiting")]


class Hook(models.Model):
    """The address at which a service tells that something of a connection changed."""

    public_id = models.CharField(max_length=64, unique=True)
    connection = models.OneToOneField("connections.Connection", on_delete=models.CASCADE, related_name="hook")
    secret = models.TextField()  # sealed; messages are signed with it
    created = models.DateTimeField()
    last_at = models.DateTimeField(null=True)
    last_event = models.CharField(max_length=100, default="")


class Gone(models.Model):
    """A row that its service said to be deleted; the service is asked whether it is."""

    watch = models.ForeignKey(Watch, on_delete=models.CASCADE, related_name="gone")
    key = models.TextField()  # sealed
