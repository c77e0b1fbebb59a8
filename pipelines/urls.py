from django.urls import include, path

app_name = "pipelines"

urlpatterns = [
    path("", include("pipelines.deploys.urls")),
    path("", include("pipelines.environs.urls")),
    path("", include("pipelines.evidence.urls")),
    path("", include("pipelines.fleet.urls")),
    path("", include("pipelines.oidc.urls")),
    path("", include("pipelines.releases.urls")),
    path("", include("pipelines.reports.urls")),
    path("", include("pipelines.retention.urls")),
    path("", include("pipelines.runs.urls")),
    path("", include("pipelines.schedules.urls")),
    path("", include("pipelines.variables.urls")),
]
