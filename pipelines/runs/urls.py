from django.urls import path

from pipelines.runs.views.artifacts import ArtifactArchive, ArtifactFile, ArtifactPage
from pipelines.runs.views.groups import GroupList, GroupMode
from pipelines.runs.views.job import JobPage, LogPage
from pipelines.runs.views.lists import PipelineList
from pipelines.runs.views.pipeline import (
    OF_JOBS,
    OF_PIPELINES,
    ActOnJob,
    ActOnPipeline,
    PipelinePage,
    RunAgain,
)
from pipelines.runs.views.requests import StartRequest
from pipelines.runs.views.start import StartPage

_ONE = "pipelines/<int:pk>/"
_JOB = "pipelines/jobs/<int:pk>/"
_FILES = f"{_JOB}artifacts/<str:kind>/"

urlpatterns = [
    path("pipelines/", PipelineList.as_view(), name="list"),
    path("pipelines/start/", StartPage.as_view(), name="start"),
    path(
        "repositories/<slug:project>/merge-requests/<int:number>/start/",
        StartRequest.as_view(),
        name="start-request",
    ),
    path("pipelines/resource-groups/", GroupList.as_view(), name="resource-groups"),
    path(
        "pipelines/resource-groups/<int:pk>/mode/", GroupMode.as_view(), name="resource-group-mode"
    ),
    path(_ONE, PipelinePage.as_view(), name="pipeline"),
    path(f"{_ONE}again/", RunAgain.as_view(), name="pipeline-again"),
    path(_JOB, JobPage.as_view(), name="job"),
    path(f"{_JOB}log/", LogPage.as_view(), name="job-log"),
    path(_FILES, ArtifactPage.as_view(), name="artifact"),
    path(f"{_FILES}file/", ArtifactFile.as_view(), name="artifact-file"),
    path(f"{_FILES}archive/", ArtifactArchive.as_view(), name="artifact-archive"),
    *(
        path(f"{_ONE}{name}/", ActOnPipeline.as_view(action=name), name=f"pipeline-{name}")
        for name in OF_PIPELINES
    ),
    *(
        path(f"{_JOB}{name}/", ActOnJob.as_view(action=name), name=f"job-{name}")
        for name in OF_JOBS
    ),
]
