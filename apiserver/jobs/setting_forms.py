"""How rows are moved, as a form: of a job, and of one task, where what is left open is as the job has it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apiserver.jobs.job_settings import RUNNING
from apiserver.jobs.moving_order import UNITS, Settings, most_of

UNIT_WORDS = {
    "minutes": _("minutes"),
    "hours": _("hours"),
    "days": _("days"),
    "weeks": _("weeks"),
    "months": _("months"),
    "years": _("years"),
}
# What a choice is called; '' stands for what holds when nothing is chosen.
CHOICES: dict[str, dict[str, Any]] = {
    "schema": {"evolve": _("Follow: add columns, widen types"), "freeze": _("Stop the task and say what changed")},
    "deletes": {"hard": _("Delete them here too"), "soft": _("Mark them in a column"), "none": _("Leave them")},
    "always_full": {"truncate": _("Empty the table, then fill it"), "drop": _("Make the table anew")},
    "interval_unit": UNIT_WORDS,
    "row_counts": {"warn": _("Say so in the log"), "fail": _("Let the run fail"), "off": _("Nothing")},
}
LABELS: dict[str, Any] = {
    "check_columns": _("Check column"),
    "overlap_seconds": _("Overlap (seconds)"),
    "lag_seconds": _("Lag (seconds)"),
    "start_value": _("Start value"),
    "interval": _("Window of history"),
    "interval_unit": _("Unit of windows"),
    "schema": _("When columns of the source change"),
    "deletes": _("Rows that the source deleted"),
    "sweep_every": _("Compare all keys every (seconds)"),
    "history": _("Keep all versions of a row"),
    "always_full": _("Read everything on each run"),
    "may_shrink": _("A full load may leave far fewer rows than there were"),
    "cuts_texts": _("Cut texts that are longer than their column"),
    "times_as_utc": _("Write times as UTC"),
    "batch_rows": _("Rows of one batch"),
    "command_timeout": _("Seconds that one statement may take"),
    "parallel": _("Tasks at the same time"),
    "continue_on_error": _("Go on with the other tasks when one fails"),
    "row_counts": _("When source and destination have not as many rows after a run"),
}
HELPS: dict[str, Any] = {
    "check_columns": _(
        "A time or number that grows with every change: only newer rows are read. Empty: the table's own, where it has one."
    ),
    "overlap_seconds": _("Rows from before the last seen value are read again, for those that were committed late."),
    "lag_seconds": _("Rows newer than this wait for the next run."),
    "start_value": _("Rows whose check column is less are not read, such as 2024-01-01 or 1000."),
    "interval": _("A first load reads so many units at a time and goes on there after a failure. 0: all at once."),
    "sweep_every": _("How often rows are looked for that the source deleted. Empty: by what that costs."),
}
GROUPS: dict[Any, tuple[str, ...]] = {
    _("What is read"): ("check_columns", "overlap_seconds", "lag_seconds", "start_value", "interval", "interval_unit"),
    _("What is written"): ("schema", "deletes", "sweep_every", "history", "always_full", "may_shrink", "cuts_texts", "times_as_utc"),
    _("How it runs"): ("parallel", "batch_rows", "command_timeout", "continue_on_error", "row_counts"),
}
OF_A_JOB_ALONE = ("parallel", "continue_on_error", "row_counts")
OF_A_TASK_ALONE = ("check_columns", "start_value")
LEASTS = {"batch_rows": 1, "command_timeout": 1, "parallel": 1}
DEFAULTS: dict[str, Any] = {name: getattr(Settings(), name) for name in LABELS if name not in RUNNING} | RUNNING


class SettingsForm(forms.Form):
    """The settings of a job; of a task with `inherited`, the settings that hold when a field is left open."""

    def __init__(self, *args: Any, given: dict[str, Any] | None = None, inherited: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_task = inherited is not None
        self.beneath = DEFAULTS | (inherited or {})
        for names in GROUPS.values():
            for name in names:
                if name not in (OF_A_JOB_ALONE if self.is_task else OF_A_TASK_ALONE):
                    self.fields[name] = self.field(name)
        for name, value in (given or {}).items():
            if name in self.fields:
                self.initial[name] = shown(value)
        if not self.is_task:
            for name, value in DEFAULTS.items():
                if isinstance(value, bool):
                    self.initial.setdefault(name, value)

    def field(self, name: str) -> forms.Field:
        """Return the field of a setting."""
        common: dict[str, Any] = {"label": LABELS[name], "help_text": HELPS.get(name, ""), "required": False}
        default = DEFAULTS[name]
        if isinstance(default, bool) and not self.is_task:
            return forms.BooleanField(**common)
        if isinstance(default, bool) or name in CHOICES:
            return forms.ChoiceField(choices=self.choices(name), **common)
        if isinstance(default, int) or default is None:
            beneath = self.beneath.get(name)
            widget = forms.NumberInput(attrs={"placeholder": "" if beneath is None else str(beneath)})
            return forms.IntegerField(min_value=LEASTS.get(name, 0), max_value=most_of(name), widget=widget, **common)
        return forms.CharField(max_length=500, widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}), **common)

    def choices(self, name: str) -> list[tuple[str, Any]]:
        """Return the choices of a setting; the first one says what holds when nothing is chosen."""
        known = CHOICES.get(name) or {"true": _("Yes"), "false": _("No")}
        beneath = shown(self.beneath.get(name))
        if not self.is_task:
            return [("", _("No"))] * (name == "always_full") + list(known.items())
        as_job = known.get(beneath if isinstance(beneath, str) else str(beneath).lower(), _("No"))
        return [("", _("As the job: %(value)s") % {"value": as_job}), *known.items()]

    def values(self) -> dict[str, Any]:
        """Return what was chosen, by the names of settings; of a job without what is the default."""
        found: dict[str, Any] = {}
        for name in self.fields:
            value = self.cleaned_data.get(name)
            default = DEFAULTS[name]
            if value in (None, ""):
                continue
            if isinstance(default, bool) and self.is_task:
                value = value == "true"
            if name == "check_columns":
                value = [part.strip() for part in value.split(",") if part.strip()]
            if self.is_task or value != default:
                found[name] = value
        return found


def shown(value: Any) -> Any:
    """Return a stored value as its field shows it."""
    return ", ".join(value) if isinstance(value, list | tuple) else value


__all__ = ["GROUPS", "UNITS", "SettingsForm"]
