from django.urls import path

from pipelines.environs.views import EnvironmentList, EnvironmentStop

urlpatterns = [
    path("pipelines/environments/", EnvironmentList.as_view(), name="environments"),
    path(
        "pipelines/environments/<int:pk>/stop/", EnvironmentStop.as_view(), name="environment-stop"
    ),
]
