"""Addresses of Settings -> Connections."""

from django.urls import path

from connections import pages, upload_pages

app_name = "connections"
urlpatterns = [
    path("", pages.listing, name="list"),
    path("add", pages.gallery, name="gallery"),
    path("add/<str:key>", pages.add, name="add"),
    path("<int:pk>", pages.edit, name="edit"),
    path("<int:pk>/tables", pages.tables, name="tables"),
    path("<int:pk>/uploads", upload_pages.upload, name="uploads"),
    path("<int:pk>/duplicate", pages.duplicate, name="duplicate"),
    path("<int:pk>/delete", pages.delete, name="delete"),
]
