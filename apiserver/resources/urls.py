"""Addresses of API."""

from django.urls import path

from apiserver.resources import drift_pages, move_pages, pages, publish_pages, relation_pages, unpublish_pages, view_pages

app_name = "resources"
urlpatterns = [
    path("", pages.listing, name="list"),
    path("add", publish_pages.add, name="add"),
    path("add/<int:pk>", publish_pages.tables, name="tables"),
    path("add/<int:pk>/confirm", publish_pages.confirm, name="confirm"),
    path("add/view", view_pages.add, name="add_view"),
    path("<int:pk>", pages.edit, name="edit"),
    path("<int:pk>/refresh", pages.refresh, name="refresh"),
    path("<int:pk>/drift", drift_pages.drift, name="drift"),
    path("<int:pk>/duplicate", move_pages.duplicate, name="duplicate"),
    path("<int:pk>/repoint", move_pages.repoint, name="repoint"),
    path("<int:pk>/relations/add", relation_pages.add, name="relation"),
    path("<int:pk>/relations/<str:name>/remove", relation_pages.remove, name="relation_remove"),
    path("<int:pk>/unpublish", unpublish_pages.unpublish, name="unpublish"),
]
