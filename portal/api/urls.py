from django.urls import path

from portal.api import views

urlpatterns = [
    path("components/", views.Components.as_view(), name="api-components"),
    path("components/<slug:name>/", views.ComponentDetail.as_view(), name="api-component"),
    path("catalog/import/", views.Import.as_view(), name="api-catalog-import"),
    path("search/", views.SearchView.as_view(), name="api-search"),
    path("home/", views.HomeView.as_view(), name="api-home"),
]
