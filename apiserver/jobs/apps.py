"""The room of jobs."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Replication jobs, their tasks and runs."""

    name = "apiserver.jobs"
    label = "jobs"
    default_auto_field = "django.db.models.BigAutoField"
