"""Below /api/v1/."""

from django.urls import path

from idp.changes.api import rules, views

app_name = "changes_api"
urlpatterns = [
    path("changes/", views.ChangeList.as_view(), name="list"),
    path("changes/<int:pk>/", views.ChangeDetail.as_view(), name="detail"),
    path("changes/<int:pk>/plan/", views.ChangePlan.as_view(), name="plan"),
    path("changes/<int:pk>/events/", views.ChangeEvents.as_view(), name="events"),
    path("changes/<int:pk>/confirm/", views.ConfirmChange.as_view(), name="confirm"),
    path("changes/<int:pk>/cancel/", views.CancelChange.as_view(), name="cancel"),
    path("changes/<int:pk>/replan/", views.ReplanChange.as_view(), name="replan"),
    path("changes/<int:pk>/approve/", views.ApproveChange.as_view(), name="approve"),
    path("changes/<int:pk>/reject/", views.RejectChange.as_view(), name="reject"),
    path("changes/<int:pk>/leave/", rules.LeaveList.as_view(), name="leave"),
    path("inbox/", views.Inbox.as_view(), name="inbox"),
    path("freezes/", rules.FreezeList.as_view(), name="freezes"),
    path("freezes/<int:pk>/lift/", rules.LiftFreeze.as_view(), name="lift-freeze"),
    path("waivers/", rules.WaiverList.as_view(), name="waivers"),
    path("waivers/<int:pk>/grant/", rules.GrantWaiver.as_view(), name="grant-waiver"),
    path("waivers/<int:pk>/revoke/", rules.RevokeWaiver.as_view(), name="revoke-waiver"),
    path("approval-rules/", rules.RuleList.as_view(), name="rules"),
    path("approval-rules/<slug:name>/", rules.RuleDetail.as_view(), name="rule"),
]
