"""What floors without Django say in English (connectors, settings), in the reader's language.

The API, logs and commands stay English; pages translate at their edge. Whole sentences are looked up as they are
(tools/messages.py collects them from the source), those with values inside by the patterns below.
"""

from __future__ import annotations

import re
from functools import cache

from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_noop as _

PATTERNS = (
    _("The issue tracker of %(name)s is off or no longer offered by Bitbucket Cloud."),
    _("Bitbucket refused this call: %(value)s"),
    _("Stripe refused this call: %(value)s"),
    _("Stripe refused the payment: %(value)s"),
    _("%(name)s can only be read where %(value)s is set."),
    _("Set %(name)s in the connection."),
    _("%(value)s did not answer within %(seconds)s s."),
    _("%(value)s refused the connection."),
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
    _("There is no file %(name)s."),
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
    _("%(count)s are the most that are read."),
    _("%(name)s can't be opened."),
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
    _("%(host)s answered %(status)s: %(reason)s"),
    _("%(host)s answered %(status)s."),
    _("%(host)s answered with something that is no JSON."),
    _("%(host)s answered with something that is no list of rows."),
    _("%(host)s answered with something that is no number of rows."),
    _("%(host)s answered with something that is no row."),
    _("%(host)s gives next pages without end."),
    _("The next page of %(host)s is said to be at %(name)s, another service."),
    _("The service has no entity set %(name)s any more."),
    _("The service has no %(name)s of %(table)s any more."),
    _("The service's value of %(name)s is not of the type that its $metadata tells."),
    _("%(name)s must be a JSON text."),
    _("%(value)s is no known encoding, such as shift_jis"),
    _("%(value)s is no kind of file that is read: known are %(names)s"),
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
    _("must be one character, or tab"),
    _("must stay below a folder that this server allows"),
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
# What the audit trail calls what was done.
ACTIONS = (
    _("configuration applied"),
    _("configuration exported"),
    _("encryption keys rotated"),
    _("set-up link made"),
    _("settings changed"),
    _("tried as"),
    _("signed in"),
    _("sign-in refused"),
    _("password changed"),
    _("connection renamed"),
    _("connection saved"),
    _("connection deleted"),
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
)
PLACE = re.compile(r"%\\\((\w+)\\\)s")
NAMED = re.compile(r"(\w+): (.+)")


def said(text: str) -> str:
    """Return the text in the reader's language; as it is where no translation is known."""
    if not text or (get_language() or "en").startswith("en"):
        return text
    found = gettext(text)
    return found if found != text else by_pattern(text)


def by_pattern(text: str) -> str:
    """Return the translation of a sentence with values inside, or of several with the property's name before each."""
    for message, pattern in compiled():
        match = pattern.fullmatch(text)
        if match:
            return gettext(message) % match.groupdict()
    parts = [NAMED.fullmatch(part) for part in text.split("; ")]
    if all(parts):
        return "; ".join(f"{part[1]}: {said(part[2])}" for part in parts if part)
    return text


@cache
def compiled() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return each message with the expression that its values can be read back with."""
    return tuple((message, re.compile(PLACE.sub(r"(?P<\1>.+?)", re.escape(message)))) for message in PATTERNS)
