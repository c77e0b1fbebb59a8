from __future__ import annotations

import pytest

from pipelines import permissions
from rbac.permissions import builtin_permissions, view_permission

OWN = {entry.name for entry in permissions.PERMISSIONS}


@pytest.mark.parametrize(
    ("role", "held"),
    [
        ("viewer", {"pipeline.view"}),
        ("developer", {"pipeline.view", "pipeline.run", "report.upload"}),
        ("deployer", {"pipeline.view", "pipeline.run", "report.upload"}),
        ("qa", {"pipeline.view", "test.quarantine"}),
        ("maintainer", OWN),
    ],
)
def test_built_in_roles_hold_what_fits_them(role: str, held: set[str]) -> None:
    assert OWN.intersection(builtin_permissions(role)) == held


@pytest.mark.parametrize("name", ["report.upload", "test.quarantine"])
def test_who_sees_pipelines_learns_why_they_may_not(name: str) -> None:
    assert view_permission(name) == "pipeline.view"
