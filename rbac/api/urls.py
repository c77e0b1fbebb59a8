from django.urls import path

from rbac.api import access, people

urlpatterns = [
    path("me/", people.Me.as_view(), name="me"),
    path("users/", people.Users.as_view(), name="users"),
    path("users/<str:username>/", people.UserDetail.as_view(), name="user"),
    path("invitations/", people.Invitations.as_view(), name="invitations"),
    path("teams/", people.Teams.as_view(), name="teams"),
    path("teams/<str:name>/", people.TeamDetail.as_view(), name="team"),
    path("teams/<str:name>/members/", people.Members.as_view(), name="members"),
    path("teams/<str:name>/members/<str:username>/", people.MemberDetail.as_view(), name="member"),
    path("projects/", people.Projects.as_view(), name="projects"),
    path("projects/<str:name>/", people.ProjectDetail.as_view(), name="project"),
    path("service-accounts/", people.ServiceAccounts.as_view(), name="service-accounts"),
    path(
        "service-accounts/<str:username>/",
        people.ServiceAccountDetail.as_view(),
        name="service-account",
    ),
    path("permissions/", access.Permissions.as_view(), name="permissions"),
    path("roles/", access.Roles.as_view(), name="roles"),
    path("roles/<str:name>/", access.RoleDetail.as_view(), name="role"),
    path("role-bindings/", access.Bindings.as_view(), name="role-bindings"),
    path("role-bindings/<int:pk>/", access.BindingDetail.as_view(), name="role-binding"),
    path("tokens/", access.Tokens.as_view(), name="tokens"),
    path("tokens/<int:pk>/", access.TokenDetail.as_view(), name="token"),
    path("access/decide/", access.Decide.as_view(), name="access-decide"),
    path("audit/", access.Audit.as_view(), name="audit"),
    path("audit/verify/", access.AuditVerify.as_view(), name="audit-verify"),
    path("audit/export.<str:kind>", access.AuditExport.as_view(), name="audit-export"),
]
