"""Triggers: rows that were created, changed or deleted, told to whoever polls for them or subscribed."""
