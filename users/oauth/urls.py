"""Addresses of sign-in for other programs."""

from django.urls import path

from users.oauth import consent, endpoints

app_name = "oauth"
urlpatterns = [
    path("oauth/authorize", consent.authorize, name="authorize"),
    path("oauth/token", endpoints.token, name="token"),
    path("oauth/revoke", endpoints.revoke, name="revoke"),
    path(".well-known/oauth-authorization-server", endpoints.metadata, name="metadata"),
]
