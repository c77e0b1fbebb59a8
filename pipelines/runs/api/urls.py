from django.urls import path

from pipelines.runs.api import groups, jobs, views

_ONE = "pipelines/<int:pk>/"
_JOB = "jobs/<int:pk>/"

urlpatterns = [
    path("pipelines/", views.PipelinesAPI.as_view(), name="pipelines"),
    path(
        "hosted-repositories/<slug:project>/merge-requests/<int:number>/pipelines/",
        views.RequestPipelinesAPI.as_view(),
        name="request-pipelines",
    ),
    path(
        "projects/<str:name>/resource-groups/", groups.GroupsAPI.as_view(), name="resource-groups"
    ),
    path(
        "projects/<str:name>/resource-groups/<path:key>/",
        groups.GroupAPI.as_view(),
        name="resource-group",
    ),
    path(_ONE, views.PipelineAPI.as_view(), name="pipeline"),
    path(f"{_ONE}cancel/", views.CancelAPI.as_view(), name="pipeline-cancel"),
    path(f"{_ONE}again/", views.AgainAPI.as_view(), name="pipeline-again"),
    path(f"{_ONE}retry/", views.RetryAPI.as_view(), name="pipeline-retry"),
    path(f"{_ONE}jobs/", views.JobsAPI.as_view(), name="pipeline-jobs"),
    path(_JOB, jobs.JobAPI.as_view(), name="job"),
    path(f"{_JOB}log/", jobs.LogAPI.as_view(), name="job-log"),
    path(f"{_JOB}artifacts/", jobs.ArtifactsAPI.as_view(), name="job-artifacts"),
    path(f"{_JOB}artifacts/<str:kind>/", jobs.ArtifactAPI.as_view(), name="job-artifact"),
    *(path(f"{_JOB}{n}/", view.as_view(), name=f"job-{n}") for n, view in jobs.ACTIONS.items()),
]
