"""The settings of triggers as fields of Settings -> Server: their words, their bounds from the configuration file's own checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apiserver.server.configuration_server import GROUPS
from apiserver.ui.fields import lines

PREFIX = "triggers_"
WORDS = {
    "interval_seconds": (
        gettext_lazy("Seconds between two looks for new rows"),
        gettext_lazy("Pollers are told to wait as long."),
    ),
    "rows": (gettext_lazy("Rows of one answer to a poller"), gettext_lazy("The others follow at once.")),
    "late_seconds": (
        gettext_lazy("Seconds for which rows may come late"),
        gettext_lazy("Each look goes so far back. PostgreSQL needs none of it: it tells which transactions still run."),
    ),
    "reconcile_seconds": (
        gettext_lazy("Seconds between two looks for rows that came later still"),
        gettext_lazy("What was told before is compared with what is there."),
    ),
    "reconcile_rows": (
        gettext_lazy("Rows that are compared then"),
        gettext_lazy("Of each table and poller, the latest ones. 0: none."),
    ),
    "sweep_seconds": (gettext_lazy("Seconds between two looks for deleted rows"), gettext_lazy("All keys of the table are compared.")),
    "keys": (gettext_lazy("Rows of a table whose deletion can be told"), gettext_lazy("A larger table says so in its subscriptions.")),
    "subscriptions": (gettext_lazy("Subscriptions of one user"), gettext_lazy("One more is refused with status 429.")),
    "give_up_days": (
        gettext_lazy("Days without success that end a subscription"),
        gettext_lazy("Until then each delivery is tried again, at growing pauses."),
    ),
    "log_days": (gettext_lazy("Days for which deliveries are kept"), gettext_lazy("So long they can be sent again.")),
}
HOSTS = f"{PREFIX}hosts"
NAMES = (*(f"{PREFIX}{name}" for name in WORDS), HOSTS)


def made() -> dict[str, forms.Field]:
    """Return the fields by name."""
    checks: Mapping[str, Any] = GROUPS["triggers"]
    found: dict[str, forms.Field] = {}
    for name, (label, text) in WORDS.items():
        least, most = checks[name].least, checks[name].most
        bounds = _("%(text)s From %(least)s to %(most)s.") % {"text": text, "least": f"{least:,}", "most": f"{most:,}"}
        found[f"{PREFIX}{name}"] = forms.IntegerField(label=label, help_text=bounds, min_value=least, max_value=most, required=False)
    found[HOSTS] = lines(
        gettext_lazy("Hosts that callbacks may go to"), gettext_lazy("One a line; *.logic.azure.com for all below. Empty: any public one.")
    )
    return found


def initial(current: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the fields show."""
    return {f"{PREFIX}{name}": current[name] for name in WORDS} | {HOSTS: "\n".join(current["hosts"])}


def settings(given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was entered, as the configuration file has it; a number left empty stays as it is."""
    numbers = {name: given[f"{PREFIX}{name}"] for name in WORDS}
    kept = {name: before[f"{PREFIX}{name}"] if value is None else value for name, value in numbers.items()}
    return kept | {"hosts": given[HOSTS].split()}
