"""Sign-in for other programs: this server as an OAuth 2.0 provider."""

from django.apps import AppConfig


class OAuthConfig(AppConfig):
    """OAuth clients, the consents that users gave them, and their tokens."""

    name = "users.oauth"
    label = "oauth"
    default_auto_field = "django.db.models.BigAutoField"
