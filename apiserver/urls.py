"""Every address of the product. Rooms bring their own urls; this page only composes them."""

from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(url="console/")),
    path("", include("apiserver.odata.urls")),
    path("", include("apiserver.server.urls")),
    path("console/", include("apiserver.console.urls")),
    path("console/connections/", include("connections.urls")),
    path("console/api/", include("apiserver.resources.urls")),
    path("console/users/", include("users.urls")),
    path("console/", include("apiserver.server.pages_urls")),
]
