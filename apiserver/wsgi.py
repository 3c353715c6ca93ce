"""The WSGI application: `manage.py serve` runs it under granian; any WSGI host may."""

import gc
import os
from importlib import import_module
from pkgutil import iter_modules

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apiserver.settings")
django_application = get_wsgi_application()

from django.db import connection  # noqa: E402 - after Django is set up
from django.urls import get_resolver  # noqa: E402

from apiserver import odata  # noqa: E402
from apiserver.server.api_handler import with_api  # noqa: E402
from apiserver.server.chunked import with_length  # noqa: E402
from apiserver.server.hangup import breaking  # noqa: E402
from apiserver.server.options import body_bound  # noqa: E402
from apiserver.server.slow_clients import guarded  # noqa: E402

application = breaking(guarded(with_length(with_api(django_application), body_bound)))


GARBAGE = 10_000  # objects made since the last collection
OWN_DATABASE_SECONDS = 1.0  # then a request is refused with 503 and Retry-After


def warm() -> None:
    """Load now what the first requests of a worker would wait for, half a second, and what workers that are forked then share."""
    list(get_resolver().url_patterns)
    for module in iter_modules(odata.__path__, f"{odata.__name__}."):
        import_module(module.name)
    # What is there now stays for good: no collection has to walk through it, and few have to begin.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, *gc.get_threshold()[1:])


if connection.vendor == "postgresql":
    import_module("apiserver.server.postgresql.base").answer_within(OWN_DATABASE_SECONDS)
warm()
