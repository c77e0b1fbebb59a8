from django.urls import path

from schemas.dependants.api import views

urlpatterns = [
    path("schemas/dependants/", views.DependantsAPI.as_view(), name="schemas-dependants"),
    path("schemas/impact/", views.ImpactAPI.as_view(), name="schemas-impact"),
    path("schemas/may-deploy/", views.MayDeployAPI.as_view(), name="schemas-may-deploy"),
    path("schemas/check-ins/", views.CheckInsAPI.as_view(), name="schemas-check-ins"),
]
