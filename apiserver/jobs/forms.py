"""The forms of a job: what it copies from where to where, when it runs, how rows are moved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apiserver.jobs import schedule_choices, schedules
from apiserver.jobs.models import Job
from apiserver.jobs.schedule_choices import CUSTOM, DAILY, HOURLY, LAST_DAY, MONTHLY, NONE, WEEKLY, Choice
from apiserver.ui.fields import line, lines, shown_when
from apiserver.ui.said import said
from connections.connectors.registry import get_connector
from connections.contract.errors import InvalidProperties
from connections.models import Connection

KINDS = (
    (Job.STANDARD, gettext_lazy("The tables that are chosen")),
    (Job.ALL_TABLES, gettext_lazy("All tables, new ones too")),
    (Job.LOAD_FOLDER, gettext_lazy("The files of a folder, into one table")),
)
EVERY = (
    (HOURLY, gettext_lazy("Every hour")),
    (DAILY, gettext_lazy("Every day")),
    (WEEKLY, gettext_lazy("Every week")),
    (MONTHLY, gettext_lazy("Every month")),
    (CUSTOM, gettext_lazy("Custom (cron)")),
)
DAYS = [*((str(number), str(number)) for number in range(1, 32)), (LAST_DAY, gettext_lazy("The last day"))]
NEXT_TIMES = 5


def is_destination(connection: Connection) -> bool:
    """Claim that tables can be made and filled through the connection."""
    try:
        return not connection.read_only and bool(getattr(get_connector(connection.connector), "is_destination", False))
    except (InvalidProperties, ImportError):  # its connector is no longer installed
        return False


def destinations() -> list[Connection]:
    """Return the connections that jobs can write to."""
    return [item for item in Connection.objects.defer("tables") if is_destination(item)]


class JobForm(forms.Form):
    """Name, source and destination of a job."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    kind = forms.ChoiceField(label=gettext_lazy("What is replicated"), choices=KINDS, required=False)
    source = forms.ChoiceField(label=gettext_lazy("Source"), required=False)
    destination = forms.ChoiceField(label=gettext_lazy("Destination"))
    schema = line(gettext_lazy("Destination schema"), gettext_lazy("Empty: the connection's own."), most=200)
    table_prefix = line(
        gettext_lazy("Table prefix"),
        gettext_lazy("Stands before the name of each table at the destination, such as `sandbox_`."),
        most=60,
    )
    labels = line(gettext_lazy("Labels"), gettext_lazy("Words with commas between them."))
    exclude = shown_when(
        lines(gettext_lazy("Tables that are left out"), gettext_lazy("One name a line."), spellcheck="false"),
        "kind",
        Job.ALL_TABLES,
    )

    def __init__(self, *args: Any, existing: Job | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.existing = existing
        sources = [(str(pk), name) for pk, name in Connection.objects.values_list("pk", "name")]
        self.fields["source"].choices = [*sources, ("", _("Several: the statements name them"))]  # type: ignore[attr-defined]
        self.fields["destination"].choices = [(str(item.pk), item.name) for item in destinations()]  # type: ignore[attr-defined]
        for name in ("name", "schema", "table_prefix", "labels"):
            self.fields[name].widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}
        if existing:
            self.initial.update({name: getattr(existing, name) for name in ("name", "kind", "schema", "table_prefix")})
            self.initial.update({"source": str(existing.source_id or ""), "destination": str(existing.destination_id)})
            self.initial.update({"labels": ", ".join(existing.labels), "exclude": "\n".join(existing.exclude)})

    def clean(self) -> dict[str, Any]:
        """Ask for one source where the kind of job has but one."""
        found: dict[str, Any] = super().clean() or {}
        if found.get("kind") not in ("", Job.STANDARD) and not found.get("source"):
            self.add_error("source", _("Choose a source: such a job reads one connection."))
        return found

    def values(self) -> dict[str, Any]:
        """Return what the verbs of jobs take."""
        given = self.cleaned_data
        found = {name: given[name] for name in ("name", "schema", "table_prefix")}
        by_id = {str(item.pk): item for item in Connection.objects.defer("tables")}
        found |= {
            "kind": given["kind"] or Job.STANDARD,
            "source": by_id.get(given["source"]),
            "destination": by_id.get(given["destination"]),
        }
        found["labels"] = [word.strip() for word in given["labels"].split(",") if word.strip()]
        found["exclude"] = [name.strip() for name in given["exclude"].splitlines() if name.strip()]
        return found


class ScheduleForm(forms.Form):
    """When a job runs by itself."""

    every = forms.ChoiceField(label=gettext_lazy("Runs"), required=False)
    minute = shown_when(forms.IntegerField(label=gettext_lazy("At minute"), min_value=0, max_value=59, required=False), "every", HOURLY)
    weekday = shown_when(
        forms.ChoiceField(
            label=gettext_lazy("On"), choices=[(str((number + 1) % 7), name) for number, name in WEEKDAYS.items()], required=False
        ),
        "every",
        WEEKLY,
    )
    day = shown_when(forms.ChoiceField(label=gettext_lazy("On day"), choices=DAYS, required=False), "every", MONTHLY)
    at = shown_when(
        forms.TimeField(label=gettext_lazy("At"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), required=False),
        "every",
        DAILY,
        WEEKLY,
        MONTHLY,
    )
    cron = shown_when(
        line(
            gettext_lazy("Cron"),
            gettext_lazy("Minute, hour, day of month, month, day of week: `*/10 8-18 * * MON-FRI`, `0 6 L * *`, `0 6 ? * 5#3`."),
            most=200,
        ),
        "every",
        CUSTOM,
    )
    timezone = line(gettext_lazy("Time zone"), most=60, list="zones", autocomplete="off")
    paused = forms.BooleanField(label=gettext_lazy("Paused: the schedule begins no run"), required=False)

    def __init__(self, *args: Any, existing: Job | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["every"].choices = every_choices()  # type: ignore[attr-defined]
        choice = schedule_choices.choice_of(existing.schedule if existing else "")
        self.initial.update({name: getattr(choice, name) for name in ("every", "minute", "weekday", "day", "cron")})
        is_paused = bool(existing and existing.paused)
        self.initial.update({"at": choice.time, "timezone": existing.timezone if existing else "UTC", "paused": is_paused})

    def clean(self) -> dict[str, Any]:
        """Refuse what never comes and what can't be read."""
        found: dict[str, Any] = super().clean() or {}
        if self.errors:
            return found
        if found["every"] == CUSTOM and not found["cron"].strip():
            raise ValidationError({"cron": _("Write a schedule, such as */10 * * * *.")})
        zone = found["timezone"].strip() or "UTC"
        for field, schedule in (("timezone", ""), ("cron" if found["every"] == CUSTOM else "every", self.cron_of(found))):
            try:
                schedules.check(schedule, zone, now=timezone.now())
            except schedules.ScheduleProblem as error:
                raise ValidationError({field: f"{said(error.message)} {said(error.hint)}"}) from error
        return found

    def cron_of(self, given: Mapping[str, Any]) -> str:
        """Return the cron text of what was entered."""
        at = given["at"] or time(3, 0)
        minute = given["minute"] if given["minute"] is not None else 0
        return schedule_choices.cron_of(Choice(given["every"], minute, at, given["weekday"] or "1", given["day"] or "1", given["cron"]))

    def values(self) -> dict[str, Any]:
        """Return what the verbs of jobs take."""
        given = self.cleaned_data
        return {"schedule": self.cron_of(given), "timezone": given["timezone"].strip() or "UTC", "paused": given["paused"]}

    def next_times(self) -> list[Any]:
        """Return when the next runs begin, in the schedule's time zone."""
        chosen = self.values()
        return next_times(chosen["schedule"], chosen["timezone"])


def every_choices() -> list[tuple[str, Any]]:
    """Return how often a job may run."""
    minutes = [(str(count), schedule_choices.every_minutes(count)) for count in schedule_choices.MINUTES]
    return [(NONE, _("Not scheduled")), *minutes, *EVERY]


def next_times(schedule: str, zone: str) -> list[Any]:
    """Return when the next runs of a schedule begin, in its time zone."""
    if not schedule:
        return []
    found = schedules.next_times(schedule, zone, after=timezone.now(), count=NEXT_TIMES)
    return [item.astimezone(schedules.zone_of(zone)) for item in found]


def grouped(form: forms.Form, groups: Mapping[Any, tuple[str, ...]]) -> list[tuple[Any, list[BoundField]]]:
    """Return the fields of a form by their groups."""
    return [(label, [form[name] for name in names if name in form.fields]) for label, names in groups.items()]
