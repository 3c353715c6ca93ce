"""The WSGI application: `manage.py serve` runs it under granian; any WSGI host may."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apiserver.settings")
django_application = get_wsgi_application()

from django.conf import settings  # noqa: E402 - after Django is set up

from apiserver.server.api_handler import with_api  # noqa: E402
from apiserver.server.chunked import with_length  # noqa: E402
from apiserver.server.hangup import breaking  # noqa: E402
from apiserver.server.lifeline import follow  # noqa: E402

application = breaking(with_length(with_api(django_application), settings.DATA_UPLOAD_MAX_MEMORY_SIZE))

follow()
