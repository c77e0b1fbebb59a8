from django.urls import path

from schemas.variables.api.views import ConfigCheckAPI

urlpatterns = [
    path("schemas/config-check/", ConfigCheckAPI.as_view(), name="schemas-config-check"),
]
