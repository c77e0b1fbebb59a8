from django.urls import path

from schemas.transfer.api import views

_ONE = "schemas/imports/<int:pk>/"

urlpatterns = [
    path("schemas/export/", views.ExportAPI.as_view(), name="schemas-export"),
    path("schemas/imports/", views.ImportsAPI.as_view(), name="schema-imports"),
    path("schemas/imports/archive/", views.ImportArchiveAPI.as_view(), name="schema-archive"),
    path(_ONE, views.ImportAPI.as_view(), name="schema-import"),
    path(f"{_ONE}versions/", views.ImportVersionsAPI.as_view(), name="schema-import-versions"),
    path(f"{_ONE}report/", views.ImportReportAPI.as_view(), name="schema-import-report"),
]
