"""Addresses of Jobs."""

from django.urls import path

from apiserver.jobs import add_pages, import_pages, job_pages, list_pages, task_list_pages, task_pages

app_name = "jobs"
urlpatterns = [
    path("", list_pages.listing, name="list"),
    path("add", add_pages.add, name="add"),
    path("add/columns", add_pages.columns, name="columns"),
    path("import", import_pages.take, name="import"),
    path("times", job_pages.times, name="times"),
    path("<int:pk>", job_pages.show, name="show"),
    path("<int:pk>/start", job_pages.start, name="start"),
    path("<int:pk>/pause", job_pages.pause, name="pause"),
    path("<int:pk>/copy", job_pages.copy, name="copy"),
    path("<int:pk>/delete", job_pages.delete, name="delete"),
    path("<int:pk>/tasks", task_list_pages.tasks, name="tasks"),
    path("<int:pk>/tasks/live", task_list_pages.live, name="live"),
    path("<int:pk>/tasks/add", task_list_pages.add, name="add_tasks"),
    path("<int:pk>/tasks/change", task_list_pages.change, name="change_tasks"),
    path("tasks/<int:pk>", task_pages.columns, name="task"),
    path("tasks/<int:pk>/query", task_pages.query, name="query"),
    path("tasks/<int:pk>/options", task_pages.options, name="options"),
    path("tasks/<int:pk>/preview", task_pages.preview, name="preview"),
]
