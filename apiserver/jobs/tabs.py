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


TABS = [
    Tab("overview", _("Overview"), "jobs:show"),
    Tab("tasks", _("Task"), "jobs:tasks"),
]
