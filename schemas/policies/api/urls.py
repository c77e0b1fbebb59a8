from django.urls import path

from schemas.policies.api import views

_ALL = "schema-policies/"
_ONE = f"{_ALL}<slug:name>/"

urlpatterns = [
    path(_ALL, views.PoliciesAPI.as_view(), name="schema-policies"),
    path(f"{_ALL}preview/", views.PreviewAPI.as_view(), name="schema-policies-preview"),
    path(_ONE, views.PolicyAPI.as_view(), name="schema-policy"),
    path(f"{_ONE}preview/", views.PolicyPreviewAPI.as_view(), name="schema-policy-preview"),
    path(f"{_ONE}failures/", views.FailuresAPI.as_view(), name="schema-policy-failures"),
    path(
        "subjects/<int:pk>/policies/", views.SubjectPoliciesAPI.as_view(), name="subject-policies"
    ),
    path(
        "subjects/<int:pk>/tag-removals/",
        views.TagRemovalsAPI.as_view(),
        name="subject-tag-removals",
    ),
]
