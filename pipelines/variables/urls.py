from django.urls import path

from pipelines.variables.views.changing import VariableDelete, VariableEdit, VariableNew
from pipelines.variables.views.pages import VariableList, VariablePage

_ALL = "pipelines/variables/"
_ONE = f"{_ALL}<int:pk>/"

urlpatterns = [
    path(_ALL, VariableList.as_view(), name="variables"),
    path(f"{_ALL}new/", VariableNew.as_view(), name="variable-new"),
    path(_ONE, VariablePage.as_view(), name="variable"),
    path(f"{_ONE}edit/", VariableEdit.as_view(), name="variable-edit"),
    path(f"{_ONE}delete/", VariableDelete.as_view(), name="variable-delete"),
]
