"""How pages show runs: numbers with their thousands apart, times in words, why a run began."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext_lazy as _

from apiserver.jobs.models import API, BUTTON, COMMAND, EVENT, RETRY, SCHEDULE, RunLine
from apiserver.jobs.run_words import end_in_words, mode, number, rows_in_words, time_taken

register = template.Library()
register.filter("thousands", number)
register.filter("time_taken", time_taken)
register.filter("mode", mode)
register.filter("rows_in_words", rows_in_words)
register.filter("end_in_words", end_in_words)
REASONS = {
    SCHEDULE: _("Schedule"),
    BUTTON: _("Button Run"),
    API: _("Management API"),
    COMMAND: _("Command"),
    EVENT: _("Event"),
    RETRY: _("Retry"),
}
LEVELS = {RunLine.INFO: _("Info"), RunLine.WARNING: _("Warning"), RunLine.ERROR: _("Error")}


@register.filter
def level(word: str) -> str:
    """Return how grave a line of the log is, in words."""
    return str(LEVELS.get(word, word))


@register.filter
def reason(word: str) -> str:
    """Return why a run began, in words."""
    return str(REASONS.get(word, word))
