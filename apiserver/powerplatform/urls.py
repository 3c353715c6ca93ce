"""Addresses of the room's pages."""

from django.urls import path

from apiserver.powerplatform import contract_pages, long_read_pages, package_pages, use_pages

app_name = "powerplatform"
urlpatterns = [
    path("packages", package_pages.listing, name="packages"),
    path("packages/<int:pk>", package_pages.make, name="package"),
    path("pipelines/<str:kind>", package_pages.pipeline_file, name="pipeline"),
    path("contract", contract_pages.contract, name="contract"),
    path("contract/<int:pk>", contract_pages.change, name="contract_change"),
    path("contract/look", contract_pages.look, name="look"),
    path("contract/take-over/<int:pk>", contract_pages.take_over, name="take_over"),
    path("long-reads", long_read_pages.listing, name="long_reads"),
    path("long-reads/<int:pk>/cancel", long_read_pages.cancel, name="cancel_long_read"),
    path("use/<int:pk>", use_pages.panel, name="use"),
    path("use/<int:pk>/reveal", use_pages.reveal, name="use_reveal"),
    path("use/<int:pk>/<str:kind>", use_pages.download, name="use_file"),
]
