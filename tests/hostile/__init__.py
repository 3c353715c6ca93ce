"""Hostile input against the real server: bounded, data-driven."""
