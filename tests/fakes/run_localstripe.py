"""Run localstripe on 127.0.0.1 with state in memory: run_localstripe.py PORT. A process of its own, started by tests.fakes.installed."""

from __future__ import annotations

import sys

from aiohttp import web
from localstripe import resources, server

resources.Store.dump_to_disk = lambda self: None
web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
