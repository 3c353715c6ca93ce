"""Addresses of runs, their history, events and notifications."""

from django.urls import path

from apiserver.jobs import dry_run_pages, event_pages, history_pages, notify_pages, run_pages

app_name = "runs"
urlpatterns = [
    path("runs", history_pages.listing, name="list"),
    path("runs/<int:pk>", run_pages.show, name="show"),
    path("runs/<int:pk>/cancel", run_pages.cancel, name="cancel"),
    path("runs/<int:pk>/retry", run_pages.retry, name="retry"),
    path("runs/<int:pk>/again", run_pages.again, name="again"),
    path("runs/<int:pk>/report.<str:ending>", run_pages.download, name="report"),
    path("<int:pk>/history", history_pages.of_job, name="history"),
    path("tasks/<int:pk>/history", history_pages.of_task, name="task_history"),
    path("tasks/<int:pk>/reset", run_pages.reset, name="reset"),
    path("<int:pk>/dry-run", dry_run_pages.of_job, name="dry_run"),
    path("tasks/<int:pk>/dry-run", dry_run_pages.of_task, name="dry_run_task"),
    path("<int:pk>/events", event_pages.events, name="events"),
    path("<int:pk>/events/add", event_pages.event, name="event_add"),
    path("<int:pk>/events/arrange", event_pages.arrange, name="events_arrange"),
    path("<int:pk>/events/<int:number>", event_pages.event, name="event"),
    path("<int:pk>/notifications", notify_pages.notifications, name="notifications"),
    path("<int:pk>/notifications/test", notify_pages.test, name="notifications_test"),
]
