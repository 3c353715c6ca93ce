"""Addresses of the console."""

from django.urls import path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from apiserver.console import effective, fitting, log_pages, notification_pages, search, server_pages, try_it, views

app_name = "console"
urlpatterns = [
    path("", RedirectView.as_view(url="console/")),
    path("favicon.ico", RedirectView.as_view(url="static/ui/icon.svg")),  # browsers ask for it beside JSON
    path("console/", views.status, name="status"),
    path("console/sign-in", views.sign_in, name="sign_in"),
    path("console/sign-out", views.sign_out, name="sign_out"),
    path("console/setup/<str:token>", views.setup, name="setup"),
    path("console/account", views.account, name="account"),
    path("console/language", set_language, name="language"),
    path("console/search", search.search, name="search"),
    path("console/try/<int:pk>", try_it.try_it, name="try_it"),
    path("console/effective/<int:pk>", effective.effective, name="effective"),
    path("console/fitting/<int:pk>", fitting.fitting, name="fitting"),
    path("console/settings/", server_pages.server, name="settings"),
    path("console/settings/notifications", notification_pages.notifications, name="notifications"),
    path("console/settings/notifications/test", notification_pages.test, name="notifications_test"),
    path("console/logs/", log_pages.logs, name="logs"),
    path("console/logs/audit", log_pages.audit_trail, name="audit"),
]
