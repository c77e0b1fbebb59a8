from django.urls import include, path

from schemas.api import judging, views
from schemas.datafiles.api import FileCheckAPI

_ONE = "subjects/<int:pk>/"
_VERSION = f"{_ONE}versions/<str:version>/"

urlpatterns = [
    path("subjects/", views.SubjectsAPI.as_view(), name="subjects"),
    path("subjects/catalog-info/", views.CatalogInfoAPI.as_view(), name="subjects-catalog-info"),
    path("subjects/compare/", judging.CompareAPI.as_view(), name="subjects-compare"),
    path(_ONE, views.SubjectAPI.as_view(), name="subject"),
    path(f"{_ONE}lifecycle/", views.LifecycleAPI.as_view(), name="subject-lifecycle"),
    path(f"{_ONE}differences/", judging.DifferencesAPI.as_view(), name="subject-differences"),
    path(f"{_ONE}check/", judging.CheckAPI.as_view(), name="subject-check"),
    path(f"{_ONE}versions/", views.VersionsAPI.as_view(), name="subject-versions"),
    path(_VERSION, views.VersionAPI.as_view(), name="subject-version"),
    path(f"{_VERSION}check/", judging.RecordsAPI.as_view(), name="subject-records"),
    path(f"{_VERSION}check-file/", FileCheckAPI.as_view(), name="subject-file"),
    path(f"{_VERSION}example/", judging.ExampleAPI.as_view(), name="subject-example"),
    path("", include("schemas.databases.api.urls")),
    path("", include("schemas.dependants.api.urls")),
    path("", include("schemas.variables.api.urls")),
    path("", include("schemas.policies.api.urls")),
    path("", include("schemas.transfer.api.urls")),
]
