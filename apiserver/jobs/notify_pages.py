"""The tab Notifications of a job: who is told of its runs, in which words; and a test."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from apiserver.jobs import services, telling
from apiserver.jobs.errors import InvalidJob
from apiserver.jobs.event_pages import refuse
from apiserver.jobs.job_pages import found_job
from apiserver.server import notices, notifying
from apiserver.server import notification_settings as server_settings
from apiserver.server.addresses import caller
from apiserver.server.leases import take
from apiserver.server.models import NoticeDelivery
from apiserver.ui.access import admin_page
from apiserver.ui.fields import line, lines
from apiserver.ui.said import said
from connections.contract.errors import ConnectorError

NAMES = (
    "{JobName} {Status} {Rows} {RowsRead} {Inserted} {Updated} {Deleted} {Duration} {Error} {Hint} {Source} {Destination}"
    " {Tables} {FailedTables} {Started} {Ended} {Reason} {AskedBy} {Run} {Link} {QueryRows}"
)


class NotifyForm(forms.Form):
    """What differs from the server's settings."""

    on = forms.ChoiceField(
        label=gettext_lazy("When a run ends"),
        required=False,
        choices=[
            ("", gettext_lazy("As in Settings, Notifications")),
            (server_settings.ALL, gettext_lazy("Always")),
            (server_settings.ERRORS, gettext_lazy("When it failed")),
            (server_settings.NEVER, gettext_lazy("Never")),
        ],
    )
    to = lines(gettext_lazy("Recipients"), gettext_lazy("One address a line. Empty: those of Settings, Notifications."))
    subject = line(gettext_lazy("Subject line"), placeholder="{JobName}: {Status}, {Rows} rows in {Duration}")
    text = lines(gettext_lazy("Text"), gettext_lazy("Empty: how it went, the tables and what to do."), rows=6)

    query = forms.CharField(
        label=gettext_lazy("Query"),
        required=False,
        widget=forms.Textarea(attrs={"rows": "3", "placeholder": "SELECT COUNT(*) AS Open FROM Issues WHERE State = 'open'"}),
        help_text=gettext_lazy(
            "A SELECT over the destination, run when a run ends. {Column} is a column's value in the first row, {QueryRows} the first 20."
        ),
    )

    def given(self) -> dict[str, Any]:
        """Return the settings as the configuration file spells them."""
        return {**self.cleaned_data, "to": self.cleaned_data["to"].split()}


@admin_page
def notifications(request: HttpRequest, pk: int) -> HttpResponse:
    """Show and change who is told of a job's runs."""
    job = found_job(pk)
    initial = {**job.notify, "to": "\n".join(job.notify.get("to", ()))}
    form = NotifyForm(request.POST or None, initial=initial)
    if form.is_bound and form.is_valid():
        try:
            services.save_job(
                job, now=timezone.now(), notify=form.given(), who=request.user.get_username(), address=caller(request).address
            )
        except InvalidJob as error:
            for text in error.errors.values():
                refuse(request, form, said(text))
        else:
            messages.success(request, _("Saved."))
            return redirect("runs:notifications", pk)
    values = server_settings.revealed()
    here = {"on": values["on"], "to": ", ".join(values["to"]), "has_smtp": bool(values["smtp"]), "webhooks": len(values["webhooks"])}
    context = {"job": job, "tab": "notifications", "form": form, "here": here, "names": NAMES.split(), "has_ways": has_ways(job.notify)}
    return render(request, "jobs/notifications.html", context, status=422 if form.errors else 200)


def has_ways(notify: dict[str, Any]) -> bool:
    """Claim that somebody can be told."""
    return bool(notices.ways_of({**server_settings.revealed(), **{name: notify[name] for name in ("to",) if name in notify}}))


@require_POST
@admin_page
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a test on every way, now and once, and tell what came of it."""
    job = found_job(pk)
    try:
        notice = telling.send_test(job, now=timezone.now())
    except ConnectorError as error:
        messages.error(request, said(f"The query of the notifications can't be run. {error.message}"))
        return redirect("runs:notifications", pk)
    if notice is None:
        messages.error(request, _("Nobody is told yet: enter a mail server with recipients, or an address, and save."))
        return redirect("runs:notifications", pk)
    for delivery in NoticeDelivery.objects.filter(notice=notice).select_related("notice"):
        if take(delivery, now=timezone.now(), lease=notifying.LEASE):
            outcome = notifying.deliver(delivery)
            if outcome.is_taken and not outcome.error:
                messages.success(request, _("%(to)s: taken.") % {"to": delivery.shown})
            else:
                messages.error(request, f"{delivery.shown}: {said(outcome.error)}")
    return redirect("runs:notifications", pk)
