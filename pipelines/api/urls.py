from django.urls import include, path

urlpatterns = [
    path("", include("pipelines.deploys.api.urls")),
    path("", include("pipelines.environs.api.urls")),
    path("", include("pipelines.evidence.api.urls")),
    path("", include("pipelines.fleet.api.urls")),
    path("", include("pipelines.releases.api.urls")),
    path("", include("pipelines.reports.api.urls")),
    path("", include("pipelines.retention.api.urls")),
    path("", include("pipelines.runs.api.urls")),
    path("", include("pipelines.schedules.api.urls")),
    path("", include("pipelines.variables.api.urls")),
]
