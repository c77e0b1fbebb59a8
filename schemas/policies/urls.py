from django.urls import path

from schemas.policies.views.changing import PolicyDelete, PolicyEdit, PolicyNew, TagRemoval
from schemas.policies.views.pages import Policies, PolicyPage

_ALL = "schemas/policies/"
_ONE = f"{_ALL}<slug:name>/"

urlpatterns = [
    path(_ALL, Policies.as_view(), name="policies"),
    path(f"{_ALL}new/", PolicyNew.as_view(), name="policy-new"),
    path(_ONE, PolicyPage.as_view(), name="policy"),
    path(f"{_ONE}edit/", PolicyEdit.as_view(), name="policy-edit"),
    path(f"{_ONE}delete/", PolicyDelete.as_view(), name="policy-delete"),
    path("schemas/<subject:pk>/tag-removal/", TagRemoval.as_view(), name="tag-removal"),
]
