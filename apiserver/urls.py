"""Every address of the product. Rooms bring their own urls; this page only composes them."""

from django.urls import include, path

urlpatterns = [
    path("", include("apiserver.odata.urls")),
    path("", include("apiserver.server.urls")),
    path("manage/api", include("apiserver.server.rest_urls")),
    path("", include("apiserver.console.urls")),
    path("", include("users.oauth.urls")),
    path("console/connections/", include("connections.urls")),
    path("console/sql/", include("connections.sql_urls")),
    path("console/api/", include("apiserver.resources.urls")),
    path("console/external-objects/", include("apiserver.jobs.external_urls")),
    path("console/jobs/", include("apiserver.jobs.urls")),
    path("console/triggers/", include("apiserver.triggers.urls")),
    path("console/powerplatform/", include("apiserver.powerplatform.urls")),
    path("hooks/", include("apiserver.triggers.hook_urls")),
    path("console/jobs/", include("apiserver.jobs.run_urls")),
    path("console/users/", include("users.urls")),
]
