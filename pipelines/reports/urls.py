from django.urls import path

from pipelines.reports.views.commits import CommitPage, CoveragePage
from pipelines.reports.views.quarantines import QuarantineTest, ReleaseTest
from pipelines.reports.views.tests import TestHealth, TestPage

_TEST = "pipelines/tests/<int:pk>/"

urlpatterns = [
    path("pipelines/tests/", TestHealth.as_view(), name="tests"),
    path(_TEST, TestPage.as_view(), name="test"),
    path(f"{_TEST}quarantine/", QuarantineTest.as_view(), name="quarantine"),
    path(f"{_TEST}release/", ReleaseTest.as_view(), name="release"),
    path("pipelines/coverage/", CoveragePage.as_view(), name="coverage"),
    path("pipelines/commits/<str:name>/<str:commit>/", CommitPage.as_view(), name="commit"),
]
