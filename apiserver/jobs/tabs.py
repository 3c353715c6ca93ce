"""The tabs of a job's page, in their order. A page that joins them appends a line here and shows `{% job_tabs job "its key" %}`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab: `address` is the name of a URL that takes the job's number."""

    key: str
    label: Any
    address: str
    is_for_admins: bool = False


TABS = [
    Tab("overview", _("Overview"), "jobs:show"),
    Tab("tasks", _("Task"), "jobs:tasks"),
    Tab("history", _("History"), "runs:history"),
    Tab("events", _("Events"), "runs:events", is_for_admins=True),
    Tab("notifications", _("Notifications"), "runs:notifications", is_for_admins=True),
]
