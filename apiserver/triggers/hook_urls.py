"""The address that services call."""

from django.urls import path

from apiserver.triggers.hooks import receive

app_name = "hooks"
urlpatterns = [path("<str:public_id>", receive, name="receive")]
