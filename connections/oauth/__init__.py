"""Signing in at services by OAuth 2.0: how it is begun and finished, and how what was granted is kept and renewed."""
