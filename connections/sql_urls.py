"""Addresses of SQL."""

from django.urls import path

from connections import sql_pages

app_name = "sql"
urlpatterns = [
    path("", sql_pages.explorer, name="explorer"),
    path("tables/<int:pk>", sql_pages.tree, name="tree"),
    path("columns/<int:pk>", sql_pages.columns, name="columns"),
    path("csv", sql_pages.download, name="csv"),
    path("cancel", sql_pages.cancel, name="cancel"),
]
