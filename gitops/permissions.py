"""Every permission of this app. What a change does to an environment is judged by its own verb."""

from rbac.models import Scope
from rbac.permissions import Permission, register_permissions

_ROOT = (Scope.Kind.EVERYTHING.value,)

register_permissions(
    "gitops",
    [
        Permission("repository.read", "Clone a project's configuration", ("viewer",)),
        Permission(
            "repository.push",
            "Push to a project's configuration; each environment is judged besides",
            ("developer", "deployer"),
        ),
        Permission(
            "repository.connect",
            "Connect a project to a repository at a git host, and merge there",
            ("maintainer",),
        ),
        Permission("application.view", "See what is deployed, its objects and health", ("viewer",)),
        Permission(
            "application.give-up",
            "End environments whose cluster or account is gone for good, and leave all there",
            scope_kinds=_ROOT,
            view="application.view",
        ),
        Permission("cluster.view", "See clusters", everyone=True),
        Permission("cluster.manage", "Register, test and change clusters", scope_kinds=_ROOT),
        Permission("account.view", "See cloud accounts", everyone=True),
        Permission("account.manage", "Register, test and change cloud accounts", scope_kinds=_ROOT),
        Permission(
            "secret.view",
            "See names and versions of secrets, never values",
            ("developer", "deployer", "qa", "auditor"),
            view="project.view",
        ),
        Permission("secret.write", "Set the value of a secret", ("developer", "deployer")),
        Permission(
            "secret.use",
            "Have pipelines that one starts read the values of secrets",
            ("developer", "deployer"),
        ),
    ],
)
