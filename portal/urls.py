from django.urls import path

from portal.views import catalog, home

app_name = "portal"
urlpatterns = [
    path("", home.Home.as_view(), name="home"),
    path("search/", home.Search.as_view(), name="search"),
    path("palette/", home.Palette.as_view(), name="palette"),
    path("help/keyboard/", home.Keyboard.as_view(), name="keyboard"),
    path("catalog/", catalog.Catalog.as_view(), name="catalog"),
    path("catalog/export/", catalog.Export.as_view(), name="catalog-export"),
    path("catalog/import/", catalog.ImportCatalog.as_view(), name="catalog-import"),
    path("catalog/new/", catalog.NewComponent.as_view(), name="component-new"),
    path("catalog/<slug:name>/", catalog.ComponentPage.as_view(), name="component"),
    path("catalog/<slug:name>/edit/", catalog.EditComponent.as_view(), name="component-edit"),
    path("catalog/<slug:name>/delete/", catalog.DeleteComponent.as_view(), name="component-delete"),
]
