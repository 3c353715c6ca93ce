"""Tests of the console's pages."""

import datetime as dt

NOW = dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC)
