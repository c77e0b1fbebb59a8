from django.urls import path

from schemas import views

app_name = "schemas"
urlpatterns = [
    path("registry", views.Registry.as_view(), name="registry-root"),
    path("registry/", views.Registry.as_view(), name="registry"),
    path("registry/<path:rest>", views.Registry.as_view(), name="registry-path"),
]
