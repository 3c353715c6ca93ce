"""Addresses of the room's pages."""

from django.urls import path

from apiserver.powerplatform import package_pages

app_name = "powerplatform"
urlpatterns = [
    path("packages", package_pages.listing, name="packages"),
    path("packages/<int:pk>", package_pages.make, name="package"),
    path("pipelines/<str:kind>", package_pages.pipeline_file, name="pipeline"),
]
