"""How pages show runs: numbers with their thousands apart, times in words, why a run began."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext_lazy as _

from apiserver.jobs.models import API, BUTTON, COMMAND, EVENT, RETRY, SCHEDULE
from apiserver.jobs.run_words import number, time_taken

register = template.Library()
register.filter("thousands", number)
register.filter("time_taken", time_taken)
REASONS = {
    SCHEDULE: _("Schedule"),
    BUTTON: _("Button Run"),
    API: _("Management API"),
    COMMAND: _("Command"),
    EVENT: _("Event"),
    RETRY: _("Retry"),
}


@register.filter
def reason(word: str) -> str:
    """Return why a run began, in words."""
    return str(REASONS.get(word, word))
