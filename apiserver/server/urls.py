"""Addresses of this room that need no sign-in."""

from django.urls import path

from apiserver.server import health

urlpatterns = [path("healthz", health.healthz), path("readyz", health.readyz)]
