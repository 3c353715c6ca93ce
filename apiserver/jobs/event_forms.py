"""The form of one event of a job: what it does decides which fields are shown."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apiserver.jobs import event_settings as settings
from apiserver.jobs.event_settings import Event
from apiserver.jobs.models import Job
from apiserver.ui.fields import code, line, shown_when, signing_secret, webhook_address

STATEMENT_END = re.compile(r";[ \t]*(?:\r?\n|$)")
REFUSE_SOURCE, REFUSE_DESTINATION = "source", "destination"
KINDS = [
    (settings.SQL, _("Run SQL at the destination")),
    (settings.WEBHOOK, _("Call a webhook")),
    (settings.START_JOB, _("Start another job")),
    (settings.DBT, _("Run a dbt project")),
    (settings.REFUSE, _("Refuse to start")),
]
REFUSALS = [
    (settings.PREVIOUS_FAILED, _("When the previous run failed")),
    (settings.SOURCE_EMPTY, _("When a source table is empty")),
    (REFUSE_SOURCE, _("When SQL at the source gives a row")),
    (REFUSE_DESTINATION, _("When SQL at the destination gives a row")),
]
# Fields of each kind.
SHOWN = {
    "sql": settings.SQL,
    "transaction": settings.SQL,
    "url": settings.WEBHOOK,
    "secret": settings.WEBHOOK,
    "start_job": settings.START_JOB,
    "project": settings.DBT,
    "command": settings.DBT,
    "select": settings.DBT,
    "exclude": settings.DBT,
    "target": settings.DBT,
    "refusal": settings.REFUSE,
    "refusal_sql": settings.REFUSE,
}


class EventForm(forms.Form):
    """One event; `given` is a stored one with its secrets open."""

    kind = forms.ChoiceField(label=_("What"), choices=KINDS)
    when = forms.ChoiceField(label=_("When"), choices=[(settings.BEFORE, _("Before the run")), (settings.AFTER, _("After the run"))])
    outcome = forms.ChoiceField(
        label=_("After which runs"),
        required=False,
        choices=[
            (settings.SUCCESS, _("Those that went well")),
            (settings.FAILURE, _("Those that failed")),
            (settings.ALWAYS, _("All of them")),
        ],
    )
    sql = code(
        "SQL", _("In the destination's own SQL. Several statements run in their order; each ends with ; at the end of a line."), rows=6
    )
    transaction = forms.BooleanField(
        label=_("All or nothing"),
        required=False,
        help_text=_("One transaction. Untick it for statements that refuse to run in one, such as VACUUM."),
    )
    url = webhook_address(_("Address"), example="https://hooks.example.com/jobs")
    secret = signing_secret(_("Starts with whsec_. Empty: the one that it has, or one is made and shown once."))
    start_job = forms.ChoiceField(label=_("Job"), required=False)
    project = line(_("Project"), _("The folder of dbt_project.yml, below one that APISERVER_ALLOWED_FOLDERS names."))
    command = forms.ChoiceField(label=_("Command"), required=False, choices=[(word, f"dbt {word}") for word in settings.DBT_COMMANDS])
    select = line(_("Select"), _("Models, tags or paths, with blanks between. Empty: all."))
    exclude = line(_("Exclude"))
    target = line(_("Target"))
    refusal = forms.ChoiceField(label=_("Refuse"), required=False, choices=REFUSALS)
    refusal_sql = code(_("SQL of the question"), _("Only where SQL is asked: the run begins when it gives no row."), rows=3)
    name = line(_("Name"), _("How runs call it. Empty: by what it does."), most=100)
    continue_on_error = forms.BooleanField(label=_("Go on when it fails"), required=False)

    def __init__(self, *args: Any, job: Job, given: Event | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = Job.objects.exclude(pk=job.pk).order_by("name").values_list("name", flat=True)
        self.fields["start_job"].choices = [(name, name) for name in others]  # type: ignore[attr-defined]
        self.initial = {"when": settings.AFTER, "transaction": True} | (initial(given) if given else {})
        for name, kind in SHOWN.items():
            shown_when(self.fields[name], "kind", kind)
        shown_when(self.fields["outcome"], "when", settings.AFTER)

    def event(self) -> Event:
        """Return the event as the configuration file spells it."""
        given = self.cleaned_data
        kind = given["kind"]
        found: Event = {"when": given["when"], kind: VALUES[kind](given)}
        if given["when"] == settings.AFTER and kind != settings.REFUSE:
            found["if"] = given["outcome"] or settings.SUCCESS
        if kind == settings.REFUSE:
            found["when"] = settings.BEFORE
        if kind == settings.SQL and not given["transaction"]:
            found["transaction"] = False
        if given["name"].strip():
            found["name"] = given["name"].strip()
        if given["continue_on_error"]:
            found["continue_on_error"] = True
        return found


def refusal_of(given: dict[str, Any]) -> Any:
    """Return when a run is refused."""
    return {given["refusal"]: given["refusal_sql"]} if given["refusal"] in (REFUSE_SOURCE, REFUSE_DESTINATION) else given["refusal"]


VALUES = {
    settings.SQL: lambda given: [part for part in STATEMENT_END.split(given["sql"]) if part.strip()],
    settings.WEBHOOK: lambda given: {"url": given["url"]} | ({"secret": given["secret"]} if given["secret"] else {}),
    settings.START_JOB: lambda given: given["start_job"],
    settings.DBT: lambda given: {name: given[name] for name in ("project", "command", "select", "exclude", "target") if given[name]},
    settings.REFUSE: refusal_of,
}


def initial(event: Event) -> dict[str, Any]:
    """Return what the fields hold for a stored event; its secret is not shown."""
    kind = settings.kind_of(event)
    found: dict[str, Any] = {
        "kind": kind,
        "when": event["when"],
        "outcome": event.get("if", settings.SUCCESS),
        "name": event.get("name", ""),
    }
    found |= {"continue_on_error": event.get("continue_on_error", False), "transaction": event.get("transaction", True)}
    value = event[kind]
    if kind == settings.SQL:
        found["sql"] = ";\n".join(value) + ";"
    elif kind == settings.WEBHOOK:
        found["url"] = value["url"]
    elif kind == settings.START_JOB:
        found["start_job"] = value
    elif kind == settings.DBT:
        found |= {name: " ".join(part) if isinstance(part, list) else part for name, part in value.items()}
    elif isinstance(value, dict):
        ((found["refusal"], found["refusal_sql"]),) = value.items()
    else:
        found["refusal"] = value
    return found
