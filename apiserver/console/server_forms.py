"""The form of Settings -> Server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apiserver.console import trigger_fields
from apiserver.server import options
from apiserver.server.configuration_server import GROUPS
from apiserver.server.options import ServerOptions
from apiserver.ui.fields import Numbers, line, lines

ADDRESSES = ("trusted_addresses", "trusted_proxies")
PLAIN = ("public_url", "page_size", "max_page_size", "put_merges", "allow_authtoken_in_url", "anonymous")
LIMITS = tuple(options.LIMITS)
REQUEST_LIMITS = {
    "url_bytes": gettext_lazy("Characters of an address"),
    "header_bytes": gettext_lazy("Characters of one header"),
    "header_block_bytes": gettext_lazy("Characters of all headers"),
    "header_count": gettext_lazy("Headers"),
    "body_bytes": gettext_lazy("Bytes of a body"),
    "json_depth": gettext_lazy("Levels of JSON in a body"),
    "filter_nodes": gettext_lazy("Operators and calls of an expression"),
    "filter_depth": gettext_lazy("Levels of an expression"),
    "in_values": gettext_lazy("Values of an in list"),
    "lambda_depth": gettext_lazy("Levels of any and all"),
    "expand_depth": gettext_lazy("Levels of $expand"),
    "expand_levels": gettext_lazy("Most of $levels"),
    "orderby_items": gettext_lazy("Items of $orderby"),
    "select_items": gettext_lazy("Items of $select, $expand and $compute"),
    "path_segments": gettext_lazy("Segments of a path"),
    "number_digits": gettext_lazy("Digits of a number in an address"),
    "request_seconds": gettext_lazy("Seconds of a request"),
    "source_calls": gettext_lazy("Calls to a service, of a query"),
    "source_rows": gettext_lazy("Rows of a service, of a query"),
    "source_memory": gettext_lazy("Megabytes of rows, of a query"),
    "page_bytes": gettext_lazy("Bytes of the rows of a page"),
    "reader_seconds": gettext_lazy("Seconds that a client takes nothing of its answer"),
    "upload_megabytes": gettext_lazy("Megabytes of an uploaded file"),
}
LONG_READS = {
    "per_user": gettext_lazy("Long reads of a user at once"),
    "at_once": gettext_lazy("Long reads of a worker at once"),
    "seconds": gettext_lazy("Seconds of a long read"),
    "megabytes": gettext_lazy("Megabytes of a result"),
    "kept_megabytes": gettext_lazy("Megabytes of results kept of a user"),
    "keep_minutes": gettext_lazy("Minutes for which a result is kept"),
}
JOBS = {
    "at_once": gettext_lazy("Runs of a worker at once"),
    "keep_days": gettext_lazy("Days for which runs are kept"),
    "log_lines": gettext_lazy("Lines of a run's log"),
}
OAUTH = {
    "code_seconds": gettext_lazy("Seconds for which a code of a sign-in is valid"),
    "access_minutes": gettext_lazy("Minutes for which an access token is valid"),
    "refresh_days": gettext_lazy("Days for which a refresh token is valid"),
}


def at_least(number: int) -> Callable[[str], tuple[int | None, int | None]]:
    """Return the bounds of numbers that have no most."""
    return lambda _name: (number, None)


def long_read_bounds(name: str) -> tuple[int | None, int | None]:
    """Return the bounds of a limit of long reads: with none of a user every read is answered at once."""
    return (0 if name == "per_user" else 1), None


def oauth_bounds(name: str) -> tuple[int | None, int | None]:
    """Return the bounds of a lifetime, from the configuration file's own checks."""
    check: Any = GROUPS["oauth"][name]
    return check.least, check.most


NUMBERS = (
    Numbers("request_limits", REQUEST_LIMITS, at_least(1)),
    Numbers("long_reads", LONG_READS, long_read_bounds),
    Numbers("jobs", JOBS, at_least(1)),
    Numbers("oauth", OAUTH, oauth_bounds),
)
NAMES = {numbers.group: numbers.names for numbers in NUMBERS}
CORS_LISTS = ("allow_origins", "allow_methods", "allow_headers")
CORS_REST = ("enabled", "allow_all_without_star", "echo_headers", "allow_credentials", "max_age")
# What the custom connectors of Power Automate send, from whichever of its many domains.
POWER_AUTOMATE = {
    "enabled": True,
    "allow_all_without_star": True,
    "allow_origins": options.CORS["allow_origins"],
    "allow_methods": options.CORS["allow_methods"],
    "allow_headers": options.CORS["allow_headers"],
}


class ServerForm(forms.Form):
    """Every setting of the page; those locked by the environment or settings.cfg are shown, not changed."""

    trusted_addresses = lines(
        gettext_lazy("Trusted addresses"),
        gettext_lazy("One a line: 10.0.0.7, 10.0.0.0/24, 10.0.0.1-15, 10.0.0.* or * for every address."),
        rows=4,
    )
    trusted_proxies = lines(
        gettext_lazy("Trusted proxies"), gettext_lazy("Proxies and tunnels whose word on the caller's address counts. One a line."), rows=2
    )
    public_url = line(
        gettext_lazy("Public URL"),
        gettext_lazy("The address that clients use. Empty: the one they asked."),
        placeholder="https://api.example.com",
    )
    page_size = forms.IntegerField(
        label=gettext_lazy("Page size"), min_value=0, help_text=gettext_lazy("Rows of one page of an answer. 0: every row in one answer.")
    )
    max_page_size = forms.IntegerField(
        label=gettext_lazy("Max page size"), min_value=0, help_text=gettext_lazy("The most rows that a client can ask for in one page.")
    )
    allow_authtoken_in_url = forms.BooleanField(
        label=gettext_lazy("Allow authtoken in URL"),
        required=False,
        help_text=gettext_lazy("For clients that can send no header. URLs are kept in many logs."),
    )
    put_merges = forms.BooleanField(
        label=gettext_lazy("PUT changes only what it names"),
        required=False,
        help_text=gettext_lazy("For clients that send a part of a row with PUT. Off: PUT replaces the whole row."),
    )
    anonymous = forms.BooleanField(
        label=gettext_lazy("Answer requests without an authtoken"),
        required=False,
        help_text=gettext_lazy("They have the rights and limits of the user anonymous."),
    )
    limits_requests_per_hour = forms.IntegerField(
        label=gettext_lazy("Requests an hour"), min_value=-1, help_text=gettext_lazy("-1: no limit.")
    )
    limits_concurrent_requests = forms.IntegerField(
        label=gettext_lazy("Requests at once"), min_value=-1, help_text=gettext_lazy("-1: no limit.")
    )
    limits_token_days = forms.IntegerField(
        label=gettext_lazy("Days that a new authtoken is valid"), min_value=0, help_text=gettext_lazy("0: it does not expire.")
    )
    cors_enabled = forms.BooleanField(label=gettext_lazy("Enable cross-origin resource sharing (CORS)"), required=False)
    cors_allow_all_without_star = forms.BooleanField(label=gettext_lazy("Allow all domains without '*'"), required=False)
    cors_allow_origins = line("Access-Control-Allow-Origin")
    cors_allow_methods = line("Access-Control-Allow-Methods")
    cors_allow_headers = line("Access-Control-Allow-Headers")
    cors_echo_headers = forms.BooleanField(label=gettext_lazy("Allow the headers that the client asks for"), required=False)
    cors_allow_credentials = forms.BooleanField(label="Access-Control-Allow-Credentials", required=False)
    cors_max_age = forms.IntegerField(label="Access-Control-Max-Age", min_value=0)

    def __init__(self, current: ServerOptions, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.origins = current.origins
        for numbers in NUMBERS:
            self.fields.update(numbers.fields())
            self.initial.update(numbers.initial(getattr(current, numbers.group)))
        self.fields.update(trigger_fields.made())
        self.initial.update(trigger_fields.initial(current.triggers))
        self.initial.update({name: "\n".join(getattr(current, name)) for name in ADDRESSES})
        self.initial.update({name: getattr(current, name) for name in PLAIN})
        self.initial.update({f"cors_{name}": ", ".join(current.cors[name]) for name in CORS_LISTS})
        self.initial.update({f"cors_{name}": current.cors[name] for name in CORS_REST})
        self.initial.update({f"limits_{name}": current.limits[name] for name in LIMITS})
        for name, field in self.fields.items():
            group = name.partition("_")[0]
            origin = self.origins.get(group if group in ("cors", "limits", "triggers", "oauth") else name)
            if origin:
                field.disabled = True
                field.help_text = _("Set by %(origin)s: change it there.") % {"origin": origin}

    def clean(self) -> dict[str, Any]:
        """Refuse a page that is larger than the largest."""
        given: dict[str, Any] = super().clean() or {}
        size, most = given.get("page_size"), given.get("max_page_size")
        if size and most and size > most:
            self.add_error("page_size", _("The page size can't be above the max page size, %(most)s.") % {"most": most})
        return given

    def sections(self) -> list[dict[str, Any]]:
        """Return the fields by section, each with one line of explanation."""
        found: list[tuple[str, str, tuple[str, ...]]] = [
            (_("Address"), _("How clients reach this server."), ("public_url",)),
            (_("Trusted addresses"), _("Who may ask at all: every other address is refused before its authtoken is read."), ADDRESSES),
            ("OData", _("How large answers are cut into pages, and what PUT means."), ("page_size", "max_page_size", "put_merges")),
            (_("Authtokens"), _("Where they are taken from, and whether one is needed."), ("allow_authtoken_in_url", "anonymous")),
            (_("Limits"), _("For users that have no limit of their own."), tuple(f"limits_{name}" for name in LIMITS)),
            (
                _("Limits of one request"),
                _("What asks for more is refused; the answer names the limit. A statement has the Timeout of its connection."),
                NAMES["request_limits"],
            ),
            (
                _("Long reads"),
                _("What clients ask for with Prefer: respond-async. 0 long reads of a user: every read is answered at once."),
                NAMES["long_reads"],
            ),
            (_("Jobs"), _("How many run at once, and how long their history is kept."), NAMES["jobs"]),
            (
                _("Sign-in for other programs"),
                _("How long what this server gives as an OAuth provider is valid. What was given before keeps its time."),
                NAMES["oauth"],
            ),
            (
                _("Triggers"),
                _("How rows that are new, changed or deleted are looked for, and how they are told to who polls or subscribes."),
                trigger_fields.NAMES,
            ),
            (
                "CORS",
                _("Which web pages may call the API from a browser. Power Automate needs it: use the button below."),
                tuple(name for name in self.fields if name.startswith("cors_")),
            ),
        ]
        rare = (*(f"{group}_" for group in NAMES), trigger_fields.PREFIX)
        return [
            {"label": label, "help": text, "fields": [self[name] for name in names], "is_rare": names[0].startswith(rare)}
            for label, text, names in found
        ]

    def settings(self) -> dict[str, Any]:
        """Return the settings that are not locked, as the configuration file spells them."""
        given = self.cleaned_data
        found: dict[str, Any] = {name: given[name].split() for name in ADDRESSES}
        found |= {name: given[name] for name in PLAIN}
        lists = {name: [word.strip() for word in given[f"cors_{name}"].split(",") if word.strip()] for name in CORS_LISTS}
        found["limits"] = {name: given[f"limits_{name}"] for name in LIMITS}
        found |= {numbers.group: numbers.settings(given, self.initial) for numbers in NUMBERS}
        found["triggers"] = trigger_fields.settings(given, self.initial)
        found["cors"] = {**lists, **{name: given[f"cors_{name}"] for name in CORS_REST}}
        return {name: value for name, value in found.items() if name not in self.origins}
