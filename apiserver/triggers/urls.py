"""Addresses of Triggers."""

from django.urls import path

from apiserver.triggers import hook_pages, pages

app_name = "triggers"
urlpatterns = [
    path("", pages.listing, name="list"),
    path("<int:pk>", pages.show, name="show"),
    path("<int:pk>/test", pages.test, name="test"),
    path("<int:pk>/rotate", pages.rotate, name="rotate"),
    path("<int:pk>/delete", pages.delete, name="delete"),
    path("deliveries/<int:pk>/replay", pages.replay, name="replay"),
    path("hooks/<int:pk>", hook_pages.show, name="hook"),
    path("hooks/<int:pk>/delete", hook_pages.delete, name="hook_delete"),
]
