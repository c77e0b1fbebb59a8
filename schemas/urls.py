from django.urls import include, path, register_converter

from schemas.addresses import SubjectConverter
from schemas.views.changing import Delete, Describe, Lifecycle, Settings
from schemas.views.compare import Compare, CompareVerdict, RegisterCandidate
from schemas.views.detail import SubjectPage
from schemas.views.lists import SubjectList
from schemas.views.registry import Registry
from schemas.views.sunsets import Sunsets

register_converter(SubjectConverter, "subject")

app_name = "schemas"
_ONE = "schemas/<subject:pk>/"

urlpatterns = [
    path("registry", Registry.as_view(), name="registry-root"),
    path("registry/", Registry.as_view(), name="registry"),
    path("registry/<path:rest>", Registry.as_view(), name="registry-path"),
    path("schemas/", SubjectList.as_view(), name="list"),
    path("schemas/sunsets/", Sunsets.as_view(), name="sunsets"),
    path("schemas/compare/", Compare.as_view(), name="compare"),
    path("schemas/compare/verdict/", CompareVerdict.as_view(), name="verdict"),
    path("schemas/compare/register/", RegisterCandidate.as_view(), name="register"),
    path(_ONE, SubjectPage.as_view(), name="subject"),
    path(f"{_ONE}edit/", Describe.as_view(), name="edit"),
    path(f"{_ONE}lifecycle/", Lifecycle.as_view(), name="lifecycle"),
    path(f"{_ONE}settings/", Settings.as_view(), name="settings"),
    path(f"{_ONE}delete/", Delete.as_view(), name="delete"),
    path("", include("schemas.policies.urls")),
    path("", include("schemas.databases.urls")),
    path("", include("schemas.transfer.urls")),
]
