from django.urls import path

from pipelines.variables.api import views

urlpatterns = [
    path("projects/<str:name>/variables/", views.VariablesAPI.as_view(), name="ci-variables"),
    path("variables/<int:pk>/", views.VariableAPI.as_view(), name="ci-variable"),
]
