"""Every address of the API: one view, whatever is below /api.rsc."""

from django.urls import re_path

from apiserver.odata import views

urlpatterns = [re_path(r"\Aapi\.rsc(?:/(?P<path>[\s\S]*))?\Z", views.serve, name="odata")]
