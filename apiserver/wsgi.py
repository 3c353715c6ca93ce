"""The WSGI application: `manage.py serve` runs it under granian; any WSGI host may."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apiserver.settings")
application = get_wsgi_application()

from apiserver.server.lifeline import follow  # noqa: E402 - after Django is set up

follow()
