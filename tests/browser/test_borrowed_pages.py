"""The admin site and the API console, whose markup is not ours: nothing serious or critical."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from django.urls import reverse

from tests.browser.conftest import Open
from tests.browser.test_pages import AXE, RULES

pytestmark = [pytest.mark.browser, pytest.mark.timeout(280)]
ASK = """(rules) => axe.run(document, {runOnly: rules}).then((found) => found.violations
  .filter((rule) => ["serious", "critical"].includes(rule.impact))
  .flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.target.join(" ")}`)))"""
# Swagger UI's own faults, known there: rule → issue.
CONSOLE_EXCEPTIONS = {
    "color-contrast": "https://github.com/swagger-api/swagger-ui/issues/10702",
    "nested-interactive": "https://github.com/swagger-api/swagger-ui/issues/9570",
    "target-size": "https://github.com/swagger-api/swagger-ui/issues/9570",
}
ADMIN = [
    "admin:index",
    "admin:rbac_user_changelist",
    "admin:rbac_role_add",
    "admin:rbac_rolebinding_changelist",
    "admin:gitops_cluster_changelist",
    "admin:gitops_cluster_add",
    "admin:gitops_cloudaccount_add",
    "admin:environments_blueprintversion_changelist",
    "admin:schemas_databaseinstance_changelist",
    "admin:schemas_databaseinstance_add",
    "admin:rbac_auditrecord_changelist",
]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_admin_site_and_console_have_nothing_serious(
    open_page: Open, theme: Literal["light", "dark"]
) -> None:
    page = open_page("pia.platform", "/healthz", color_scheme=theme)
    wrong: dict[str, Any] = {}
    console = reverse("api-console")
    for path in [*(reverse(name) for name in ADMIN), console]:
        excepted = CONSOLE_EXCEPTIONS if path == console else {}
        page.said.clear()  # type: ignore[attr-defined]  # set by `open_page`
        answer = page.goto(path, wait_until="networkidle")
        assert answer is not None
        assert answer.status == 200, path
        page.evaluate(AXE.read_text())
        found = [
            line for line in page.evaluate(ASK, RULES) if line.partition(":")[0] not in excepted
        ]
        found += page.said  # type: ignore[attr-defined]  # as above
        if found:
            wrong[path] = found
    assert wrong == {}, "\n".join(f"{path}: {found}" for path, found in wrong.items())
