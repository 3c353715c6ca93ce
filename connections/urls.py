"""Addresses of Settings -> Connections."""

from django.urls import path

from connections import establishing_page, gallery, install_pages, openapi_pages, pages, picking_values, upload_pages
from connections.oauth import pages as oauth_pages

app_name = "connections"
urlpatterns = [
    path("", pages.listing, name="list"),
    path("add", gallery.gallery, name="gallery"),
    path("add/<str:key>", pages.add, name="add"),
    path("add/<str:key>/install", install_pages.install, name="install"),
    path("add/<str:key>/establishing", establishing_page.establishing, name="establishing"),
    path("oauth/callback", oauth_pages.callback, name="oauth_callback"),
    path("oauth/<int:pk>/code", oauth_pages.code, name="oauth_code"),
    path("<int:pk>/disconnect", oauth_pages.disconnect, name="disconnect"),
    path("<int:pk>", pages.edit, name="edit"),
    path("<int:pk>/picks/<str:name>", picking_values.picks, name="picks"),
    path("<int:pk>/tables", pages.tables, name="tables"),
    path("<int:pk>/derived", openapi_pages.derived, name="derived"),
    path("<int:pk>/uploads", upload_pages.upload, name="uploads"),
    path("<int:pk>/duplicate", pages.duplicate, name="duplicate"),
    path("<int:pk>/delete", pages.delete, name="delete"),
]
