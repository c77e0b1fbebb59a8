from django.urls import path

from pipelines.schedules.views import changing, pages

_ALL = "pipelines/schedules/"
_ONE = f"{_ALL}<int:pk>/"

urlpatterns = [
    path(_ALL, pages.ScheduleList.as_view(), name="schedules"),
    path(f"{_ALL}new/", changing.ScheduleNew.as_view(), name="schedule-new"),
    path(f"{_ALL}check/", changing.CheckTimes.as_view(), name="schedule-check"),
    path(_ONE, pages.SchedulePage.as_view(), name="schedule"),
    path(f"{_ONE}edit/", changing.ScheduleEdit.as_view(), name="schedule-edit"),
    *(
        path(f"{_ONE}{name}/", view.as_view(action=name), name=f"schedule-{name}")
        for name, view in changing.ACTIONS.items()
    ),
]
