"""Addresses of the room's pages."""

from django.urls import path

from apiserver.powerplatform import use_pages

app_name = "powerplatform"
urlpatterns = [
    path("use/<int:pk>", use_pages.panel, name="use"),
    path("use/<int:pk>/reveal", use_pages.reveal, name="use_reveal"),
    path("use/<int:pk>/<str:kind>", use_pages.download, name="use_file"),
]
