"""Addresses of Users."""

from django.urls import path

from users import pages

app_name = "users"
urlpatterns = [
    path("", pages.listing, name="list"),
    path("add", pages.add, name="add"),
    path("<int:pk>", pages.edit, name="edit"),
    path("<int:pk>/reveal", pages.reveal, name="reveal"),
    path("<int:pk>/rotate", pages.rotate, name="rotate"),
    path("<int:pk>/switch", pages.switch, name="switch"),
    path("<int:pk>/delete", pages.delete, name="delete"),
]
