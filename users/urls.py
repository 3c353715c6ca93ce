"""Addresses of Users."""

from django.urls import path

from users import group_pages, pages, right_pages, token_pages
from users.jwt import pages as issuer_pages
from users.oauth import pages as client_pages

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
    path("oauth/", client_pages.listing, name="clients"),
    path("oauth/add", client_pages.add, name="client_add"),
    path("oauth/<int:pk>", client_pages.edit, name="client"),
    path("oauth/<int:pk>/secret", client_pages.secret, name="client_secret"),
    path("oauth/<int:pk>/rotate", client_pages.rotate, name="client_rotate"),
    path("oauth/<int:pk>/end", client_pages.end, name="client_end"),
    path("oauth/<int:pk>/delete", client_pages.delete, name="client_delete"),
    path("issuers/", issuer_pages.listing, name="issuers"),
    path("issuers/add", issuer_pages.add, name="issuer_add"),
    path("issuers/<int:number>", issuer_pages.edit, name="issuer"),
    path("issuers/<int:number>/delete", issuer_pages.delete, name="issuer_delete"),
    path("rights/<str:kind>/<int:pk>", right_pages.rights, name="rights"),
    path("rights/<str:kind>/<int:pk>/<str:name>", right_pages.right, name="right"),
]
