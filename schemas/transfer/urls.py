from django.urls import path, register_converter

from schemas.transfer.views import pages


class ActionConverter:
    """What can be done to an import by a form."""

    regex = "confirm|look-again|cancel|forget"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(ActionConverter, "import_action")
_ONE = "schemas/imports/<int:pk>/"

urlpatterns = [
    path("schemas/export/", pages.Export.as_view(), name="export"),
    path("schemas/imports/", pages.ImportList.as_view(), name="imports"),
    path("schemas/imports/new/", pages.NewImport.as_view(), name="import-new"),
    path(_ONE, pages.ImportPage.as_view(), name="import"),
    path(f"{_ONE}<import_action:action>/", pages.ActOnImport.as_view(), name="import-act"),
]
