"""Every permission of this app; what a change does is judged by its own verb besides."""

from rbac.permissions import Permission, register_permissions

register_permissions(
    "changes",
    [
        Permission("change.view", "See changes, their plans and logs", ("viewer",)),
        Permission("change.cancel", "Cancel anybody’s change", ("deployer", "maintainer")),
        Permission("change.approve", "Approve or reject changes of others", ("maintainer",)),
        Permission("gate.view", "See waivers and approval rules", ("viewer",)),
        Permission("gate.waive", "Grant and revoke waivers", ("maintainer",)),
        Permission("gate.manage", "Edit approval rules", ("maintainer",)),
        Permission("freeze.view", "See freezes", ("viewer",)),
        Permission("freeze.manage", "Freeze, and lift freezes", ("maintainer",)),
    ],
)
