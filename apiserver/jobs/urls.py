"""Addresses of Jobs."""

from django.urls import path

from apiserver.jobs import job_pages, list_pages

app_name = "jobs"
urlpatterns = [
    path("", list_pages.listing, name="list"),
    path("<int:pk>", job_pages.show, name="show"),
    path("<int:pk>/tasks", job_pages.tasks, name="tasks"),
]
