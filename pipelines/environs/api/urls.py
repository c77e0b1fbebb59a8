from django.urls import path

from pipelines.environs.api import views

urlpatterns = [
    path("job-environments/", views.EnvironmentsAPI.as_view(), name="job-environments"),
    path("job-environments/<int:pk>/", views.EnvironmentAPI.as_view(), name="job-environment"),
    path("job-environments/<int:pk>/stop/", views.StopAPI.as_view(), name="job-environment-stop"),
]
