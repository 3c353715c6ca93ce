"""`{{ error.message|said }}`: English words from below the pages, in the reader's language."""

from __future__ import annotations

from django import template

from apiserver.ui import said

register = template.Library()
register.filter("said", said.said)
