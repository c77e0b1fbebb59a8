from django.urls import path

from pipelines.reports.api import uploads, views

_PROJECT = "projects/<str:name>/"
_TEST = "tests/<int:pk>/"

urlpatterns = [
    path(f"{_PROJECT}reports/", uploads.ReportsAPI.as_view(), name="reports"),
    path(f"{_PROJECT}reports/<int:pk>/", uploads.ReportAPI.as_view(), name="report"),
    path(f"{_PROJECT}commits/<str:commit>/", views.CommitAPI.as_view(), name="commit"),
    path(f"{_PROJECT}coverage/", views.CoverageAPI.as_view(), name="coverage"),
    path(f"{_PROJECT}tests/split/", views.SplitAPI.as_view(), name="tests-split"),
    path("tests/", views.TestsAPI.as_view(), name="tests"),
    path(_TEST, views.TestAPI.as_view(), name="test"),
    path(f"{_TEST}quarantine/", views.QuarantineAPI.as_view(), name="test-quarantine"),
]
