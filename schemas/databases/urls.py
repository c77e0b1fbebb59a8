from django.urls import path

from schemas.databases.views import changing, declarations, pages, showing

_ONE = "databases/<int:pk>/"
_PLACE = f"{_ONE}places/<int:number>/"

urlpatterns = [
    path("databases/", pages.DatabaseList.as_view(), name="databases"),
    path("databases/new/", changing.AddDatabase.as_view(), name="database-new"),
    path("databases/lint/", changing.Lint.as_view(), name="lint"),
    path(_ONE, pages.DatabasePage.as_view(), name="database"),
    path(f"{_ONE}download/", showing.Download.as_view(), name="database-download"),
    path(f"{_ONE}edit/", changing.Describe.as_view(), name="database-edit"),
    path(f"{_ONE}delete/", changing.Forget.as_view(), name="database-delete"),
    path(f"{_ONE}declare/", changing.Declare.as_view(), name="database-declare"),
    path(
        f"{_ONE}declarations/<int:number>/",
        declarations.DeclarationPage.as_view(),
        name="database-declaration",
    ),
    path(f"{_ONE}places/new/", changing.AddPlace.as_view(), name="database-place-new"),
    path(f"{_PLACE}edit/", changing.ChangePlace.as_view(), name="database-place"),
    path(f"{_PLACE}delete/", changing.ForgetPlace.as_view(), name="database-place-delete"),
    path(f"{_PLACE}look/", changing.Look.as_view(), name="database-look"),
]
