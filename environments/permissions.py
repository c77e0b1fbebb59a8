"""Every permission of this app, on one screen."""

from rbac.models import Scope
from rbac.permissions import ROOT_ONLY, Permission, register_permissions

_TIERS = (Scope.Kind.EVERYTHING.value, Scope.Kind.PROJECT.value, Scope.Kind.TIER.value)

register_permissions(
    "environments",
    [
        Permission("environment.view", "See environments", ("viewer",)),
        Permission("environment.logs", "Read logs", ("viewer",)),
        Permission("environment.create", "Create environments", ("developer",), _TIERS),
        Permission("environment.push", "Change environments by git push", ("developer",)),
        Permission("environment.scale", "Scale", ("developer", "deployer")),
        Permission("environment.set-image", "Set an image", ("developer", "deployer")),
        Permission("environment.deploy", "Bring out a version", ("developer", "deployer")),
        Permission("environment.set-variables", "Change variables", ("developer",)),
        Permission(
            "environment.set-component", "Say whose component a workload is", ("developer",)
        ),
        Permission(
            "environment.set-schemas",
            "Say which schema versions are written and read",
            ("developer", "deployer"),
        ),
        Permission("environment.set-secret", "Set secrets", ("developer",)),
        Permission("environment.restart", "Restart", ("developer", "qa", "deployer")),
        Permission("environment.sync", "Apply what git says again", ("developer", "deployer")),
        Permission("environment.stop", "Stop and start", ("developer", "deployer")),
        Permission("environment.extend", "Extend the life", ("developer",)),
        Permission("environment.delete", "Delete environments", ("developer",)),
        Permission("blueprint.view", "See blueprints", everyone=True),
        Permission("blueprint.manage", "Write and publish blueprints", scope_kinds=ROOT_ONLY),
        Permission("limit.view", "See limits", everyone=True),
        Permission("limit.manage", "Set limits", scope_kinds=ROOT_ONLY),
    ],
)
