from django.urls import path

from pipelines.schedules.api import views

_ALL = "pipeline-schedules/"
_ONE = f"{_ALL}<int:pk>/"

urlpatterns = [
    path(_ALL, views.SchedulesAPI.as_view(), name="pipeline-schedules"),
    path(_ONE, views.ScheduleAPI.as_view(), name="pipeline-schedule"),
    path(f"{_ONE}run/", views.RunAPI.as_view(), name="pipeline-schedule-run"),
    path(
        f"{_ONE}take-ownership/",
        views.TakeOwnershipAPI.as_view(),
        name="pipeline-schedule-take-ownership",
    ),
]
