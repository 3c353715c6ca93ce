"""Addresses of the room's pages."""

from django.urls import path

from apiserver.powerplatform import long_read_pages

app_name = "powerplatform"
urlpatterns = [
    path("long-reads", long_read_pages.listing, name="long_reads"),
    path("long-reads/<int:pk>/cancel", long_read_pages.cancel, name="cancel_long_read"),
]
