from django.urls import path

from schemas.databases.api import reading, views

_ONE = "databases/<int:pk>/"
_INSTANCE = f"{_ONE}instances/<int:number>/"

urlpatterns = [
    path("databases/", views.DatabasesAPI.as_view(), name="databases"),
    path(_ONE, views.DatabaseAPI.as_view(), name="database"),
    path(f"{_ONE}versions/", views.DatabaseVersionsAPI.as_view(), name="database-versions"),
    path(
        f"{_ONE}versions/<int:version>/",
        views.DatabaseVersionAPI.as_view(),
        name="database-version",
    ),
    path(
        f"{_ONE}declarations/<int:number>/",
        views.DeclarationAPI.as_view(),
        name="database-declaration",
    ),
    path(
        f"{_ONE}differences/", views.DatabaseDifferencesAPI.as_view(), name="database-differences"
    ),
    path(f"{_ONE}instances/", views.InstancesAPI.as_view(), name="database-instances"),
    path(_INSTANCE, views.InstanceAPI.as_view(), name="database-instance"),
    path(f"{_INSTANCE}look/", views.LookAPI.as_view(), name="database-look"),
    path(f"{_ONE}readers/", reading.ReadersAPI.as_view(), name="database-readers"),
    path(
        f"{_ONE}readers/<int:number>/",
        reading.ReaderAPI.as_view(),
        name="database-reader",
    ),
    path("migrations/lint/", views.LintAPI.as_view(), name="migrations-lint"),
]
