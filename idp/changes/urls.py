"""Pages of changes, the inbox and freezes, at the site's root."""

from django.urls import path

from idp.changes import rule_views, views

app_name = "changes"
urlpatterns = [
    path("changes/", views.ChangeListPage.as_view(), name="list"),
    path("changes/<int:pk>/", views.ChangePage.as_view(), name="detail"),
    path("changes/<int:pk>/plan/", views.PlanPage.as_view(), name="plan"),
    path("changes/<int:pk>/log.txt", views.ChangeLog.as_view(), name="log"),
    path("changes/<int:pk>/confirm/", views.ConfirmChange.as_view(), name="confirm"),
    path("changes/<int:pk>/cancel/", views.CancelChange.as_view(), name="cancel"),
    path("changes/<int:pk>/replan/", views.ReplanChange.as_view(), name="replan"),
    path("changes/<int:pk>/approve/", views.ApproveChange.as_view(), name="approve"),
    path("changes/<int:pk>/reject/", views.RejectChange.as_view(), name="reject"),
    path("changes/<int:pk>/waiver/", views.AskWaiver.as_view(), name="ask-waiver"),
    path("changes/<int:pk>/leave/", views.AskLeave.as_view(), name="ask-leave"),
    path("inbox/", rule_views.InboxPage.as_view(), name="inbox"),
    path("freezes/", rule_views.FreezePage.as_view(), name="freezes"),
    path("freezes/<int:pk>/lift/", rule_views.LiftFreeze.as_view(), name="lift-freeze"),
    path(
        "waivers/<int:pk>/grant/",
        rule_views.WaiverVerb.as_view(verb="grant"),
        name="grant-waiver",
    ),
    path(
        "waivers/<int:pk>/revoke/",
        rule_views.WaiverVerb.as_view(verb="revoke"),
        name="revoke-waiver",
    ),
]
