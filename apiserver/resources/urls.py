"""Addresses of API."""

from django.urls import path

from apiserver.resources import pages

app_name = "resources"
urlpatterns = [
    path("", pages.listing, name="list"),
    path("add", pages.add, name="add"),
    path("add/<int:pk>", pages.tables, name="tables"),
    path("<int:pk>", pages.edit, name="edit"),
    path("<int:pk>/refresh", pages.refresh, name="refresh"),
    path("<int:pk>/unpublish", pages.unpublish, name="unpublish"),
]
