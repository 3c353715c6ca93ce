"""Addresses of Users."""

from django.urls import path

from users import group_pages, pages, right_pages, token_pages

app_name = "users"
urlpatterns = [
    path("", pages.listing, name="list"),
    path("add", pages.add, name="add"),
    path("<int:pk>", pages.edit, name="edit"),
    path("<int:pk>/switch", pages.switch, name="switch"),
    path("<int:pk>/delete", pages.delete, name="delete"),
    path("<int:pk>/rotate", token_pages.rotate, name="rotate"),
    path("<int:pk>/authtokens/add", token_pages.add, name="authtoken_add"),
    path("authtokens/<int:pk>", token_pages.authtoken, name="authtoken"),
    path("authtokens/<int:pk>/reveal", token_pages.reveal, name="reveal"),
    path("authtokens/<int:pk>/revoke", token_pages.revoke, name="revoke"),
    path("groups/", group_pages.listing, name="groups"),
    path("groups/add", group_pages.add, name="group_add"),
    path("groups/<int:pk>", group_pages.edit, name="group"),
    path("groups/<int:pk>/delete", group_pages.delete, name="group_delete"),
    path("rights/<str:kind>/<int:pk>", right_pages.rights, name="rights"),
    path("rights/<str:kind>/<int:pk>/<str:name>", right_pages.right, name="right"),
]
