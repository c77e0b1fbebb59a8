"""Addresses of the pages of access and audit."""

from django.urls import path

from rbac.views import accesspage, account, auditpage, directory, door

app_name = "rbac"
urlpatterns = [
    path("sign-in/", door.SignIn.as_view(), name="sign-in"),
    path("sign-out/", door.SignOut.as_view(), name="sign-out"),
    path("invitations/<str:token>/", door.Invitation.as_view(), name="invitation"),
    path("password-reset/", door.PasswordReset.as_view(), name="password-reset"),
    path("password-reset/sent/", door.PasswordResetSent.as_view(), name="password-reset-sent"),
    path(
        "password-reset/<uidb64>/<token>/",
        door.PasswordResetConfirm.as_view(),
        name="password-reset-confirm",
    ),
    path("account/", account.Account.as_view(), name="account"),
    path("account/tokens/new/", account.TokenNew.as_view(), name="token-new"),
    path("account/tokens/<int:pk>/revoke/", account.TokenRevoke.as_view(), name="token-revoke"),
    path("account/sessions/<int:pk>/end/", account.SessionEnd.as_view(), name="session-end"),
    path("access/", accesspage.AccessPage.as_view(), name="access"),
    path("access/why/", accesspage.Why.as_view(), name="why"),
    path("access/grant/", accesspage.Grant.as_view(), name="grant"),
    path("access/bindings/<int:pk>/revoke/", accesspage.Revoke.as_view(), name="revoke"),
    path("access/invite/", directory.Invite.as_view(), name="invite"),
    path("access/teams/new/", directory.TeamNew.as_view(), name="team-new"),
    path("access/teams/<str:name>/", directory.TeamPage.as_view(), name="team"),
    path("access/teams/<str:name>/delete/", directory.TeamDelete.as_view(), name="team-delete"),
    path(
        "access/teams/<str:name>/members/<str:username>/remove/",
        directory.MemberRemove.as_view(),
        name="member-remove",
    ),
    path("access/projects/new/", directory.ProjectNew.as_view(), name="project-new"),
    path("access/roles/new/", directory.RoleNew.as_view(), name="role-new"),
    path("access/roles/<str:name>/", directory.RolePage.as_view(), name="role"),
    path("access/roles/<str:name>/delete/", directory.RoleDelete.as_view(), name="role-delete"),
    path(
        "access/service-accounts/new/",
        directory.ServiceAccountNew.as_view(),
        name="service-account-new",
    ),
    path(
        "access/service-accounts/<str:username>/delete/",
        directory.ServiceAccountDelete.as_view(),
        name="service-account-delete",
    ),
    path(
        "access/people/<str:username>/active/",
        directory.PersonActive.as_view(),
        name="person-active",
    ),
    path("audit/", auditpage.AuditPage.as_view(), name="audit"),
    path("audit/verify/", auditpage.AuditVerify.as_view(), name="audit-verify"),
    path("audit/export.<str:kind>", auditpage.AuditExport.as_view(), name="audit-export"),
]
