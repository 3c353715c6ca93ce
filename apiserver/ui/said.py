"""What floors without Django say in English (connectors, settings), in the reader's language.

The API, logs and commands stay English; pages translate at their edge. Whole sentences are looked up as they are
(tools/messages.py collects them from the source), those with values inside by the patterns below and beside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_noop as _

from apiserver.ui import said_jobs, said_services, said_sql

PATTERNS = (
    _("The receiver answered %(value)s."),
    _("The receiver answered %(value)s: nobody is there any more."),
    _("No delivery was taken for %(value)s days. %(name)s"),
    _("Its user's rights have changed, and its row can't be read anew. %(value)s"),
    _("Its user may not read the resource now."),
    _("Its user sees the resource in part only: which rows are gone is not told."),
    _("Not sent: its user may not read the row any more."),
    _("The issue tracker of %(name)s is off or no longer offered by Bitbucket Cloud."),
    _("Bitbucket refused this call: %(value)s"),
    _("Stripe refused this call: %(value)s"),
    _("Stripe refused the payment: %(value)s"),
    _("%(name)s can only be read where %(value)s is set."),
    _("Set %(name)s in the connection."),
    _("%(value)s did not answer within %(seconds)s s."),
    _("The mail server %(name)s refused user and password (%(status)s)."),
    _("The mail server %(name)s refused every recipient."),
    _("The mail server %(name)s refused the sender (%(status)s)."),
    _("The mail server %(name)s refused the e-mail (%(status)s)."),
    _("The mail server %(name)s does not offer what the settings ask for: TLS, or signing in."),
    _("The certificate of the mail server %(name)s can't be trusted: %(reason)s."),
    _("The mail server %(name)s does not agree on TLS: check port and tls."),
    _("The mail server %(name)s did not answer within %(seconds)s s."),
    _("The mail server %(name)s broke off."),
    _("The mail server %(name)s can't be reached."),
    _("The mail server refused %(names)s."),
    _("The receiver answered %(status)s."),
    _("%(name)s must be an e-mail address, not %(value)s."),
    _("%(name)s must be the name of a mail server, not %(value)s."),
    _("%(name)s needs %(names)s: e-mails go through a mail server."),
    _("%(name)s: a password goes to another machine only under TLS: set tls to starttls or tls."),
    _("%(name)s must be whsec_ and 24 to 64 bytes as base64."),
    _("%(value)s refused the connection."),
    _("%(value)s broke off its list of rows with an error."),
    _("%(value)s gives a row without its key (%(names)s)."),
    _("The rows of %(name)s have no %(names)s, their key."),
    _("%(value)s answers"),
    _("%(value)s is there"),
    _("%(count)s tables and views can be read"),
    _("%(value)s is no known time zone, such as Asia/Tokyo"),
    _("%(name)s is not available on this source."),
    _("The host name %(name)s can't be resolved."),
    _("The SSH server %(name)s can't be reached."),
    _("The column %(name)s holds a value that is no %(type)s."),
    _("This SQL can't be published: %(reason)s."),
    _("There is no table %(name)s in the database."),
    _("POST %(value)s is no table: %(name)s would have to be named in queries."),
    _("There are several tables %(name)s in the database."),
    _("There is no file %(name)s."),
    _("The driver of %(name)s is not installed."),
    _("Run: pip install %(value)s"),
    _("This source can't %(name)s rows of %(value)s."),
    _("The name %(name)s can't be written in this database's SQL."),
    _("This did not end within %(seconds)s s."),
    _("If you know that this is your server, set SSHServerFingerprint to %(value)s"),
    _("must be between %(least)s and %(most)s"),
    _("must be one of %(names)s"),
    _("no such property: did you mean %(name)s?"),
    _("no such property: known are %(names)s"),
    _("paste an address that starts with %(value)s"),
    _("The service's sign-in answered %(status)s."),
    _("The service can't sign in at the moment (%(reason)s)."),
    _("The service no longer accepts this sign-in (%(reason)s)."),
    _("The service did not take the code (%(reason)s)."),
    _("The service does not know this OAuth client (%(reason)s)."),
    _("The service does not let this OAuth client sign in by itself (%(reason)s)."),
    _("The service refused to sign in (%(reason)s)."),
    _("The service did not sign you in (%(reason)s)."),
    _("The service answered %(status)s when the sign-in was to be revoked."),
    _("%(name)s must be %(least)s or more."),
    _("%(name)s must be a whole number, not %(value)s."),
    _("%(name)s must be an address such as https://api.example.com, not %(value)s."),
    _("%(name)s: %(value)s is no origin such as https://make.powerautomate.com."),
    _("%(name)s: %(value)s is no address pattern such as 10.0.0.*."),
    _("%(name)s: %(value)s is no range of addresses."),
    _("%(name)s is set by %(origin)s: change it there."),
    _("%(name)s stands twice: %(value)s."),
    _("%(name)s: list the tenants where the issuer holds %(value)s, and only there."),
    _("%(name)s needs scope_claim: the claim that holds them, such as scp or roles."),
    _("%(name)s must be an address such as https://login.example.com, not %(value)s."),
    _("%(name)s must name at least one, none of them empty."),
    _("%(name)s must be the name of a claim such as oid, not %(value)s."),
    _("%(name)s must be between 0 and %(most)s."),
    _("%(value)s is no address: write it in ASCII, without spaces."),
    _("%(value)s holds a wildcard: give the whole address, several if there are several."),
    _("%(value)s is no address that answers can go to."),
    _("%(value)s must have a host, and neither a user nor a fragment."),
    _("%(value)s must begin with https://, or lead to this machine as http://127.0.0.1/... does."),
    _("Line %(line)s, column %(column)s: There is no column %(name)s."),
    _("Line %(line)s, column %(column)s: There is no table %(name)s."),
    _("Line %(line)s, column %(column)s: There is no function %(name)s."),
    _("Line %(line)s, column %(column)s: %(message)s"),
    _("Did you mean %(name)s?"),
    _("Two columns of the SQL have the name %(name)s."),
    _("Several rows have the same %(names)s, or a row has none."),
    _("This can't be computed here: %(reason)s."),
    _("%(count)s are the most that are read."),
    _("%(name)s can't be opened."),
    _("%(name)s is no folder."),
    _("There is a file %(name)s already that no job of this connection wrote."),
    _("The file %(name)s can't be written."),
    _("The folder %(name)s can't be written."),
    _("%(name)s... is too long for the name of a file."),
    _("%(name)s is loaded through dlt, which is not installed."),
    _("dlt could not load: %(name)s."),
    _("%(name)s changed while it was read."),
    _("%(name)s has a second name (a hard link)."),
    _("%(table)s has no column %(name)s any more."),
    _("%(table)s has no column %(name)s."),
    _("%(table)s holds, in row %(row)s, a value of %(name)s that is not of the column's type."),
    _("%(name)s is no ordinary file."),
    _("%(name)s is not read: it lies outside of the allowed folders or is the product's own."),
    _("%(name)s is no readable Excel workbook."),
    _("%(name)s is no readable Parquet file."),
    _("%(name)s is no text."),
    _("%(name)s is text of an encoding that is not to be told."),
    _("%(name)s holds bytes that are no %(value)s text."),
    _("%(name)s is nested too deep."),
    _("%(name)s has %(count)s columns."),
    _("%(name)s can't be read at line %(row)s: %(reason)s."),
    _("No file was found for URI %(value)s."),
    _("The folder holds more than %(count)s entries."),
    _("There is no file or sheet %(name)s any more."),
    _("%(count)s files were found"),
)
WORDS = (
    _("Signed in"),
    _("Opened"),
    _("1 table can be read"),
    _("Encrypted"),
    _("Encrypted, and the server's certificate is trusted"),
    _("Encrypted; any certificate is trusted"),
    _("this machine"),
    _("table"),
    _("view"),
    _("a value is required"),
    _("a value is required with SSLClientCert"),
    _("a value is required: without it nobody knows which server answers"),
    _("must be a whole number"),
    _("must be text"),
    _("must be a JSON object"),
    _("must be one character, or tab"),
    _("must stay below a folder that this server allows: APISERVER_ALLOWED_FOLDERS"),
    _("must be a path on the server, not an address"),
    _("must be a path without .. and ~"),
    _("this server allows no folder: set APISERVER_ALLOWED_FOLDERS"),
    _("1 file was found"),
    _("must be one line"),
    _("must be an address such as https://example.com/odata/, without user, query and fragment"),
    _("must be true or false"),
    _("must not hold a NUL character"),
    _("must be one host name or address"),
    _("this port is taken on this machine: choose another one, or sign in by code"),
    _("the service's sign-in has no address that starts with https://"),
    _("the connection no longer signs in by OAuth"),
    _("this is no address; write special characters of user and password as %40 (@), %2F (/), %23 (#)"),
)
ALL = (*said_jobs.PATTERNS, *PATTERNS, *said_services.PATTERNS, *said_sql.PATTERNS)
# What the audit trail calls what was done.
ACTIONS = (
    _("access granted"),
    _("OAuth client changed"),
    _("OAuth client created"),
    _("OAuth client deleted"),
    _("OAuth secret rotated"),
    _("OAuth sign-ins ended"),
    _("configuration applied"),
    _("configuration exported"),
    _("connector chosen"),
    _("encryption keys rotated"),
    _("external objects created"),
    _("set-up link made"),
    _("long read cancelled"),
    _("job created"),
    _("job changed"),
    _("job deleted"),
    _("job started"),
    _("run cancelled"),
    _("task reset"),
    _("subscription deleted"),
    _("subscription ended"),
    _("subscription made"),
    _("subscription secret rotated"),
    _("subscription tested"),
    _("webhook secret set"),
    _("webhook deleted"),
    _("delivery replayed"),
    _("settings changed"),
    _("notifications tested"),
    _("tried as"),
    _("signed in"),
    _("sign-in refused"),
    _("password changed"),
    _("connection renamed"),
    _("connection saved"),
    _("connector install begun"),
    _("connector installed"),
    _("connector install failed"),
    _("connection deleted"),
    _("SQL run"),
    _("signed in at a service"),
    _("signed out at a service"),
    _("file uploaded"),
    _("file deleted"),
    _("user created"),
    _("user changed"),
    _("user deleted"),
    _("group created"),
    _("group changed"),
    _("group deleted"),
    _("members changed"),
    _("password set"),
    _("authtoken generated"),
    _("authtoken rotated"),
    _("authtoken revoked"),
    _("authtoken revealed"),
    _("administrator set"),
    _("administrator created"),
    _("resource published"),
    _("resource repointed"),
    _("resource renamed"),
    _("resource changed"),
    _("resource unpublished"),
    _("relation added"),
    _("relation removed"),
    _("definitions taken over"),
)
PLACE = re.compile(r"%\\\((\w+)\\\)s")
SEVERAL = re.compile(r"(?<=[.?]) (?=[A-Z0-9])")  # a message and its hint
NAMED = re.compile(r"(\w+): (.+)")


# Values of patterns that are sentences themselves.
SENTENCES = frozenset({"message", "reason"})


def said(text: str) -> str:
    """Return the text in the reader's language; as it is where no translation is known."""
    if not text or (get_language() or "en").startswith("en"):
        return text
    found = gettext(text)
    return found if found != text else by_pattern(text)


def by_pattern(text: str) -> str:
    """Return the translation of a sentence with values inside, or of several with the property's name before each."""
    whole: tuple[str, dict[str, str]] | None = None
    for message, pattern in compiled():
        if match := pattern.fullmatch(text):
            values = match.groupdict()
            if not any(SEVERAL.search(value) for name, value in values.items() if name not in SENTENCES):
                return filled(message, values)
            whole = whole or (message, values)
    sentences = SEVERAL.split(text)
    known = [said(sentence) for sentence in sentences] if len(sentences) > 1 else [text]
    if whole and any(part == sentence for part, sentence in zip(known, sentences, strict=True)):
        return filled(*whole)  # a value looks like several sentences, such as the name of a file
    if known != sentences:
        return "".join(known)
    parts = [NAMED.fullmatch(part) for part in text.split("; ")]
    if all(parts):
        return "; ".join(f"{part[1]}: {said(part[2])}" for part in parts if part)
    return text


def filled(message: str, values: Mapping[str, str]) -> str:
    """Return a message in the reader's language with these values; those that are sentences are translated too."""
    return gettext(message) % {name: said(value) if name in SENTENCES else value for name, value in values.items()}


@cache
def compiled() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return each message with the expression that its values can be read back with."""
    return tuple((message, re.compile(PLACE.sub(r"(?P<\1>.+?)", re.escape(message)))) for message in ALL)
