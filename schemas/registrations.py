"""What this app hands to others when Django starts."""

from __future__ import annotations

from idp.changes import controller
from idp.common import host
from schemas import (
    entities,  # noqa: F401  # reads `kind: API` of catalogs
    gate_parts,  # noqa: F401  # registers the gate
    permissions,
    portal_parts,
    verdicts,
)
from schemas.databases import registrations as _databases  # noqa: F401  # registers databases' parts
from schemas.dependants import ends
from schemas.dependants import portal_parts as governance
from schemas.policies import registrations as _policies  # noqa: F401  # registers policies' parts
from schemas.transfer import registrations as _transfer  # noqa: F401  # registers imports' parts

controller.register_periodic("verdicts", 3600, verdicts.forget_old)

host.navigation.register(
    host.NavEntry("Deliver", "Schemas", "schemas:list", "braces", permissions.VIEW, order=40)
)
host.search.register(host.SearchProvider("Subjects", portal_parts.find, order=40))
host.commands.register(
    host.Command(
        "schemas",
        "Schemas",
        url_name="schemas:list",
        shortcut="g s",
        permission=permissions.VIEW,
        icon="braces",
    ),
    host.Command(
        "compare-schema",
        "Compare a schema",
        url_name="schemas:compare",
        permission=permissions.VIEW,
        icon="git-compare",
        group="Do",
        order=40,
    ),
)
host.home.register(
    host.Panel(
        "schemas-ending",
        "Schemas that end",
        42,
        "schemas/ends_panel.html",
        ends.panel,
        column="side",
        permission=permissions.VIEW,
    )
)
host.entity_tabs.register(
    host.Tab(
        "component",
        "schemas",
        "Schemas",
        "schemas/component_tab.html",
        portal_parts.component_subjects,
        permission=permissions.VIEW,
        order=40,
    )
)
host.entity_tabs.register(
    host.Tab(
        "environment",
        "schemas",
        "Schemas",
        "schemas/environment_tab.html",
        governance.of_environment,
        permission=permissions.VIEW,
        order=55,
    )
)
