"""Addresses of External Objects."""

from django.urls import path

from apiserver.jobs import external_pages as pages
from apiserver.jobs import replica_panel

app_name = "external"
urlpatterns = [
    path("", pages.listing, name="list"),
    path("<int:pk>", pages.show, name="show"),
    path("<int:pk>/create", pages.create, name="create"),
    path("<int:pk>/reset", pages.reset, name="reset"),
    path("<int:pk>/revoke", pages.revoke, name="revoke"),
    path("<int:pk>/reveal/<int:token>", pages.reveal, name="reveal"),
    path("serve/<int:pk>", replica_panel.serve, name="serve"),
    path("relations/<int:pk>", replica_panel.relations, name="relations"),
    path("publish/<int:task>", replica_panel.publish, name="publish"),
]
