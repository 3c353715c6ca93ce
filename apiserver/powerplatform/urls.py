"""Addresses of the room's pages."""

from django.urls import path

from apiserver.powerplatform import long_read_pages, use_pages

app_name = "powerplatform"
urlpatterns = [
    path("long-reads", long_read_pages.listing, name="long_reads"),
    path("long-reads/<int:pk>/cancel", long_read_pages.cancel, name="cancel_long_read"),
    path("use/<int:pk>", use_pages.panel, name="use"),
    path("use/<int:pk>/reveal", use_pages.reveal, name="use_reveal"),
    path("use/<int:pk>/<str:kind>", use_pages.download, name="use_file"),
]
